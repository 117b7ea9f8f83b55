import type {
  LockedTenant,
  OverrideWrite,
  OverrideWritten,
  StoredOverride,
} from "../../feature-flags/core/storage.ts";
import type { FlagChange, FlagChangeEvent, FlagValue } from "../../feature-flags/core/types.ts";
import { requireActorAndReason, storedJson } from "../write-rules.ts";
import { frozenJson } from "./frozen-json.ts";
import { rolloutsRevision } from "./rollouts.ts";
import { currentRevision, type MemoryTables, organizationOf } from "./tables.ts";

/**
 * One write, whole or not at all: whatever can fail is done before the first table changes, and nothing
 * in between gives another caller a turn.
 */
export function writeOverride(tables: MemoryTables, write: OverrideWrite): OverrideWritten {
  requireActorAndReason(write);
  const rows = tables.overrides[write.tenant.kind];
  const own = rows.get(write.tenant.id);
  const decision = write.decide(lockedTenant(tables, write));
  if (decision === undefined) {
    return { version: own?.version ?? 0, revision: undefined, changes: [], audit: "written" };
  }

  // For what it refuses: memory keeps values, not text.
  storedJson("override", decision.flags);
  const revision = currentRevision(tables) + 1;
  const changes = Object.freeze(decision.changes.map(storedChange));
  const override: StoredOverride = Object.freeze({
    flags: frozenJson(decision.flags),
    version: (own?.version ?? 0) + 1,
    revision,
    updatedAt: write.changedAt,
    updatedBy: write.changedBy,
  });
  const events = changes.map((change, position) => changeEvent(write, revision, position, change));

  rows.set(write.tenant.id, override);
  tables.changes.push(...events);
  tables.feed.push(Object.freeze({ revision, scope: write.tenant.kind, id: write.tenant.id }));
  return { version: override.version, revision, changes, audit: "written" };
}

function lockedTenant(tables: MemoryTables, write: OverrideWrite): LockedTenant {
  const { kind, id } = write.tenant;
  const own = tables.overrides[kind].get(id);
  const rollouts = rolloutsRevision(tables);
  if (kind === "organization") {
    const customers = write.withCustomers === true ? customerOverrides(tables, id) : new Map();
    return { own, organizationId: undefined, organization: undefined, customers, rollouts };
  }
  const organizationId = organizationOf(tables, id, write.organizationId);
  const organization =
    organizationId === undefined ? undefined : tables.overrides.organization.get(organizationId);
  return { own, organizationId, organization, customers: new Map(), rollouts };
}

function customerOverrides(tables: MemoryTables, organizationId: string): Map<string, StoredOverride> {
  const found = new Map<string, StoredOverride>();
  for (const [id, override] of tables.overrides.customer.after(undefined)) {
    if (tables.customers.get(id)?.organizationId === organizationId) found.set(id, override);
  }
  return found;
}

// Member by member, because JSON would drop the `undefined` that tells "inherited" from null.
function storedChange(change: FlagChange): FlagChange {
  return Object.freeze({
    path: change.path,
    oldValue: storedValue(change.oldValue),
    newValue: storedValue(change.newValue),
    oldOverride: storedValue(change.oldOverride),
    newOverride: storedValue(change.newOverride),
  });
}

function storedValue(value: FlagValue | undefined): FlagValue | undefined {
  return value === undefined ? undefined : frozenJson(value);
}

function changeEvent(
  write: OverrideWrite,
  revision: number,
  position: number,
  change: FlagChange,
): FlagChangeEvent {
  return Object.freeze({
    ...change,
    revision,
    position,
    changeId: write.changeId,
    customerId: write.tenant.kind === "customer" ? write.tenant.id : undefined,
    organizationId: write.tenant.kind === "organization" ? write.tenant.id : undefined,
    changedBy: write.changedBy,
    onBehalfOf: write.onBehalfOf,
    changedAt: write.changedAt,
    reason: write.reason,
    featureName: undefined,
    evidence: undefined,
  });
}
