import type { SnapshotStore, TenantSnapshot } from "../../lib/feature-flags/index.ts";

/** A store in memory. What is written to it is kept, newest last. */
export function snapshotStore(
  ...written: TenantSnapshot[]
): SnapshotStore & { readonly written: TenantSnapshot[] } {
  return {
    written,
    read: async () => written.at(-1),
    write: async (snapshot) => void written.push(snapshot),
  };
}

export function snapshotOf(plan: string, state: Partial<TenantSnapshot> = {}): TenantSnapshot {
  const tenant = { kind: "customer", id: "cust_1" } as const;
  const override = { tenant, flags: { plan }, version: 1, revision: 1, updatedAt: 0, updatedBy: undefined };
  return {
    epoch: "e",
    revision: 1,
    takenAt: 1_000,
    overrides: [override],
    memberships: [],
    rollouts: [],
    ...state,
  };
}
