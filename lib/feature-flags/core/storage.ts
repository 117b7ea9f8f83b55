import type { RolloutStorage } from "./rollout-storage.ts";
import type {
  Attributes,
  FlagChange,
  FlagChangeEvent,
  FlagObject,
  TenantContext,
  TenantRef,
} from "./types.ts";

export type {
  LeaseRequest,
  RolloutCount,
  RolloutDecision,
  RolloutEvent,
  RolloutEventKind,
  RolloutExpiry,
  RolloutList,
  RolloutStorage,
  RolloutWindow,
  RolloutWrite,
  RolloutWritten,
  StoredRollout,
} from "./rollout-storage.ts";
export type { Attributes, TenantRef } from "./types.ts";

/** An override as stored. `flags` is whatever the row holds: it is fitted to the definition before use. */
export interface StoredOverride {
  readonly flags: unknown;
  /** From 1, up by one with every change of this tenant's override. */
  readonly version: number;
  /** The revision that last changed it. */
  readonly revision: number;
  readonly updatedAt: number;
  readonly updatedBy: string | undefined;
}

export interface TenantOverride extends StoredOverride {
  readonly tenant: TenantRef;
}

/** The overrides that hold for one context at one moment. */
export interface TenantState {
  readonly customer: StoredOverride | undefined;
  readonly organization: StoredOverride | undefined;
  /** The organization the caller named, else the customer's in the tenant directory. */
  readonly organizationId: string | undefined;
  readonly revision: number;
  readonly epoch: string;
}

/** All that storage knows about one context, from one query. */
export interface TenantRecord extends TenantState {
  /** The revision that last changed any rollout; 0 where none ever did. */
  readonly rollouts: number;
}

/** What a writer sees once the tenant is locked. */
export interface LockedTenant {
  readonly own: StoredOverride | undefined;
  /** For a customer: its organization, and that one's override. */
  readonly organizationId: string | undefined;
  readonly organization: StoredOverride | undefined;
  /** For an organization, where asked for: the overrides of its known customers, by customer id. */
  readonly customers: ReadonlyMap<string, StoredOverride>;
  /** The revision that last changed any rollout; 0 where none ever did. */
  readonly rollouts: number;
}

export interface OverrideDecision {
  /** The whole override to store. */
  readonly flags: FlagObject;
  readonly changes: readonly FlagChange[];
}

export interface OverrideWrite {
  readonly tenant: TenantRef;
  /** For a customer: its organization, where the caller names it; else the directory's. */
  readonly organizationId?: string | undefined;
  /** For an organization: also read the overrides of its known customers. */
  readonly withCustomers?: boolean;
  readonly changeId: string;
  readonly changedBy: string | undefined;
  readonly onBehalfOf?: string | undefined;
  readonly changedAt: number;
  readonly reason: string | undefined;
  /** "required": no audit row, no change. "best-effort": the change commits and its rows are kept and retried. */
  readonly audit: "required" | "best-effort";
  /**
   * Called once with the tenant locked: pure, synchronous. Undefined means "nothing to change"; what it
   * throws aborts the transaction and reaches the caller unchanged.
   */
  decide(current: LockedTenant): OverrideDecision | undefined;
}

export interface OverrideWritten {
  /** The override's version now; 0 where none is stored. */
  readonly version: number;
  /** The revision of this change; undefined where nothing changed. */
  readonly revision: number | undefined;
  readonly changes: readonly FlagChange[];
  /** "kept": the audit table refused the rows, they are stored aside and wait for `retryAudit`. */
  readonly audit: "written" | "kept";
  /** Why the rows were kept. */
  readonly auditError?: unknown;
}

/** One step of the sequence of all committed changes. */
export interface FeedEvent {
  readonly revision: number;
  /** Whose answers may have changed: a tenant's, those a rollout decides, or (`everything`) anybody's. */
  readonly scope: "customer" | "organization" | "rollout" | "everything";
  /** A rollout's is its feature's name. Undefined for `everything`. */
  readonly id: string | undefined;
}

/** What a storage can say of a commit without being asked: its one event, and the epoch it belongs to. */
export interface FeedNotice extends FeedEvent {
  readonly epoch: string;
}

export interface FeedPage {
  readonly epoch: string;
  /** The newest committed revision at the moment of reading. */
  readonly revision: number;
  /** Revisions after the one asked for, in order, without gaps; at most `limit`. */
  readonly events: readonly FeedEvent[];
}

/** Where storage stands: revisions only go up while the epoch stays. */
export interface StorageState {
  readonly epoch: string;
  readonly revision: number;
}

export interface ChangeFilter {
  readonly customerId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly path?: string | undefined;
  readonly changeId?: string | undefined;
  /** Only changes of this rollout. */
  readonly featureName?: string | undefined;
  /** Only rows before this place, for paging from the newest backwards. */
  readonly before?: { readonly revision: number; readonly position: number } | undefined;
  /** 1 to 1,000. */
  readonly limit: number;
}

export interface OverridePage {
  readonly overrides: readonly TenantOverride[];
  /** Where to go on; undefined on the last page. */
  readonly next: TenantRef | undefined;
}

export interface OrganizationRecord {
  readonly id: string;
  readonly name?: string | undefined;
  readonly attributes?: Attributes | undefined;
}

export interface CustomerRecord extends OrganizationRecord {
  readonly organizationId?: string | undefined;
}

export interface TenantFilter {
  readonly kind: TenantRef["kind"];
  /** Matches the start of an id, or any part of a name, whatever its case. */
  readonly text?: string | undefined;
  /** Only customers of this organization. */
  readonly organizationId?: string | undefined;
  /** Ids after this one. */
  readonly after?: string | undefined;
  /** 1 to 10,000. */
  readonly limit: number;
}

/** A key of the admin API as stored: its secret only as a SHA-256 digest. */
export interface AdminKey {
  readonly id: string;
  readonly role: string;
  readonly name: string;
  /** Lower-case hex. */
  readonly secretHash: string;
  readonly createdAt: number;
}

/** How far one process has applied the feed. */
export interface InstanceReport {
  readonly id: string;
  readonly pid: number | undefined;
  /** Of Strata. */
  readonly version: string;
  readonly epoch: string;
  readonly revision: number;
  /** Milliseconds since the Unix epoch. */
  readonly seenAt: number;
}

export interface InstanceRecord extends InstanceReport {
  readonly host: string | undefined;
}

/**
 * What a database must be able to do. Ids reaching it are already valid; every method rejects with a
 * `FlagError` and never answers a failure with a value. `strata-flags/testing` holds the suite that each must pass.
 */
export interface FlagStorage extends RolloutStorage {
  /** "memory", "sqlite", "postgres". */
  readonly kind: string;

  /** Everything about one context: ONE query. */
  readTenant(context: TenantContext): Promise<TenantRecord>;
  /** Lock, decide, write, audit, advance the revision: one transaction. */
  writeOverride(write: OverrideWrite): Promise<OverrideWritten>;

  getCustomerOverride(id: string): Promise<StoredOverride | undefined>;
  getOrganizationOverride(id: string): Promise<StoredOverride | undefined>;
  /** Merges `flags` into the stored override without asking a definition: the manager is what validates. */
  saveCustomerFlags(id: string, flags: FlagObject, changedBy?: string): Promise<OverrideWritten>;
  saveOrganizationFlags(id: string, flags: FlagObject, changedBy?: string): Promise<OverrideWritten>;

  /** Every stored override, page by page: customers by id, then organizations by id. */
  listOverrides(page: { after?: TenantRef | undefined; limit: number }): Promise<OverridePage>;
  /** The overrides of these tenants, in one query per kind at most. Tenants without one are left out. */
  readOverrides(tenants: readonly TenantRef[]): Promise<readonly TenantOverride[]>;

  /** The audit trail, newest first. */
  listChanges(filter: ChangeFilter): Promise<readonly FlagChangeEvent[]>;
  /** For each leaf of each tenant of the context, the newest audit row that touched its override: one query. */
  lastChanges(context: TenantContext): Promise<readonly FlagChangeEvent[]>;
  /** Writes audit rows that had to be kept aside; resolves with how many still wait. */
  retryAudit(): Promise<number>;

  readState(): Promise<StorageState>;
  /** The feed after `revision`, at most `limit` events. */
  changesSince(revision: number, limit: number): Promise<FeedPage>;
  /**
   * Told after each commit this storage learns of by itself, with what it was where that is known, and once without
   * after every gap in which one may have been missed and after every change of `feedMode`. Optional: without it the
   * feed is polled. The returned function ends it.
   */
  subscribe?(listener: (notice?: FeedNotice) => void): () => void;
  /** For operations: whether notices of changes arrive at present ("listen"), or only polling finds them. */
  feedMode?(): "listen" | "poll";

  /** Says how far this instance has got: adds or replaces its row, with the name of this machine. */
  reportInstance(report: InstanceReport): Promise<void>;
  /** The instances seen at or after `seenSince`, by id. */
  listInstances(seenSince: number): Promise<readonly InstanceRecord[]>;
  /** Takes an instance's row away, and those not seen since `seenBefore`. */
  removeInstances(id: string, seenBefore: number): Promise<void>;

  /** Adds or replaces, in one transaction and as one revision. */
  registerOrganizations(records: readonly OrganizationRecord[]): Promise<void>;
  registerCustomers(records: readonly CustomerRecord[]): Promise<void>;
  listOrganizations(
    filter: Omit<TenantFilter, "kind" | "organizationId">,
  ): Promise<readonly OrganizationRecord[]>;
  listCustomers(filter: Omit<TenantFilter, "kind">): Promise<readonly CustomerRecord[]>;
  /** The registered among these customers, in one query. */
  readCustomers(ids: readonly string[]): Promise<readonly CustomerRecord[]>;
  /** How many tenants the directory holds. */
  countTenants(): Promise<{ organizations: number; customers: number }>;

  findAdminKey(id: string): Promise<AdminKey | undefined>;
  /** Stores the key unless any key exists already; resolves with whether it did. */
  addFirstAdminKey(key: AdminKey): Promise<boolean>;

  /** Ends all connections. Later calls reject with CLOSED. */
  close(): Promise<void>;
}

/** 1 MiB: the most one stored override may take, as JSON. */
export const MAX_OVERRIDE_BYTES = 1024 * 1024;
