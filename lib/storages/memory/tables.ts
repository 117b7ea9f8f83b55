import type {
  AdminKey,
  CustomerRecord,
  FeedEvent,
  InstanceRecord,
  OrganizationRecord,
  RolloutCount,
  RolloutEvent,
  StoredOverride,
  StoredRollout,
  TenantRef,
} from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent } from "../../feature-flags/core/types.ts";
import { createIdTable, type IdTable } from "./id-table.ts";

/** Everything one memory storage holds. Rows are frozen; only these tables change. */
export interface MemoryTables {
  readonly epoch: string;
  readonly overrides: Readonly<Record<TenantRef["kind"], IdTable<StoredOverride>>>;
  /** In the order of (revision, position). */
  readonly changes: FlagChangeEvent[];
  /** The event of revision n is at n - 1. */
  readonly feed: FeedEvent[];
  readonly organizations: IdTable<OrganizationRecord>;
  readonly customers: IdTable<CustomerRecord>;
  readonly instances: Map<string, InstanceRecord>;
  readonly adminKeys: Map<string, AdminKey>;
  readonly rollouts: IdTable<StoredRollout>;
  readonly rolloutEvents: RolloutEventTables;
  /** By name. */
  readonly leases: Map<string, HeldLease>;
}

export interface RolloutEventTables {
  /** By feature, then by what makes an event the same one. */
  readonly raw: Map<string, Map<string, RolloutEvent>>;
  /** By feature, then by minute, tier and kind. */
  readonly counts: Map<string, Map<string, RolloutCount>>;
  /** Events before this were forgotten, and are not taken again. */
  forgottenBefore: number;
}

export interface HeldLease {
  readonly holder: string;
  readonly until: number;
}

export function createTables(epoch: string): MemoryTables {
  return {
    epoch,
    overrides: { customer: createIdTable(), organization: createIdTable() },
    changes: [],
    feed: [],
    organizations: createIdTable(),
    customers: createIdTable(),
    instances: new Map(),
    adminKeys: new Map(),
    rollouts: createIdTable(),
    rolloutEvents: { raw: new Map(), counts: new Map(), forgottenBefore: 0 },
    leases: new Map(),
  };
}

/** The newest revision: each has exactly one event in the feed. */
export function currentRevision(tables: MemoryTables): number {
  return tables.feed.length;
}

/** The organization the caller named, else the one the directory knows for the customer. */
export function organizationOf(
  tables: MemoryTables,
  customerId: string | undefined,
  named: string | undefined,
): string | undefined {
  if (named !== undefined || customerId === undefined) return named;
  return tables.customers.get(customerId)?.organizationId;
}
