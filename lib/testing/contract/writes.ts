import { isFlagObject } from "../../feature-flags/core/paths.ts";
import type {
  FlagStorage,
  LockedTenant,
  OverrideDecision,
  OverrideWrite,
  OverrideWritten,
  StoredOverride,
  TenantRef,
} from "../../feature-flags/core/storage.ts";
import type { FlagObject, FlagValue } from "../../feature-flags/core/types.ts";

/** Everything of a write that the cases only name where it matters to them. */
export type WriteDetails = Partial<Omit<OverrideWrite, "tenant" | "decide">>;

export const WRITTEN_AT = Date.UTC(2025, 0, 2, 3, 4, 5, 678);

export function customer(id: string): TenantRef {
  return { kind: "customer", id };
}

export function organization(id: string): TenantRef {
  return { kind: "organization", id };
}

export function write(
  storage: FlagStorage,
  tenant: TenantRef,
  decide: OverrideWrite["decide"],
  details: WriteDetails = {},
): Promise<OverrideWritten> {
  return storage.writeOverride({
    tenant,
    changeId: crypto.randomUUID(),
    changedBy: "ada",
    changedAt: WRITTEN_AT,
    reason: "the contract asks for it",
    audit: "best-effort",
    decide,
    ...details,
  });
}

/** Sets the leaves of `flags`, keeps the others. */
export function put(
  storage: FlagStorage,
  tenant: TenantRef,
  flags: FlagObject,
  details?: WriteDetails,
): Promise<OverrideWritten> {
  return write(storage, tenant, (current) => setting(current, flags), details);
}

/** Removes leaves, keeps the others. */
export function remove(
  storage: FlagStorage,
  tenant: TenantRef,
  paths: readonly string[],
  details?: WriteDetails,
): Promise<OverrideWritten> {
  return write(storage, tenant, (current) => removing(current, paths), details);
}

/** The decision that sets `flags` at the top level of the tenant's override. */
export function setting({ own }: LockedTenant, flags: FlagObject): OverrideDecision {
  const before = flagsOf(own);
  return {
    flags: { ...before, ...flags },
    changes: Object.entries(flags).map(([path, value]) => leafChange(path, before[path], value)),
  };
}

function removing({ own }: LockedTenant, paths: readonly string[]): OverrideDecision {
  const before = flagsOf(own);
  return {
    flags: Object.fromEntries(Object.entries(before).filter(([path]) => !paths.includes(path))),
    changes: paths.map((path) => leafChange(path, before[path], undefined)),
  };
}

/** What an override says; nothing where there is none. */
export function flagsOf(override: StoredOverride | undefined): FlagObject {
  return flagsIn(override?.flags);
}

export function flagsIn(value: unknown): FlagObject {
  return isFlagObject(value) ? value : {};
}

export function leafChange(path: string, before: FlagValue | undefined, after: FlagValue | undefined) {
  return { path, oldValue: before, newValue: after, oldOverride: before, newOverride: after };
}
