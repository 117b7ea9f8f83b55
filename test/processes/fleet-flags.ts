import type { TenantRef } from "../../lib/feature-flags/core/storage.ts";
import { defineFlags } from "../../lib/feature-flags/index.ts";
import type { SeededRandom } from "../faults/seeded-random.ts";

/** Flags whose every combination is sound, and whose numbers tell one change from the next. */
export interface FleetFlags {
  beta: { search: boolean; sync: boolean };
  limits: { seats: number; calls: number };
  plan: string;
}

export const fleetFlags = defineFlags<FleetFlags>({
  defaults: {
    beta: { search: false, sync: false },
    limits: { seats: 5, calls: 100 },
    plan: "free",
  },
});

/** One in ten is an organization; the rest are customers, registered with one of these. */
export function fleetTenants(count: number): readonly TenantRef[] {
  const organizations = organizationsOf(count);
  return Array.from(
    { length: count },
    (_, index): TenantRef =>
      index < organizations
        ? { kind: "organization", id: `org_${index}` }
        : { kind: "customer", id: `cust_${index}` },
  );
}

export function fleetCustomers(count: number): { id: string; organizationId: string }[] {
  const organizations = organizationsOf(count);
  return fleetTenants(count)
    .filter(({ kind }) => kind === "customer")
    .map(({ id }, index) => ({ id, organizationId: `org_${index % organizations}` }));
}

export function fleetChange({ next, below, pick }: SeededRandom) {
  if (next() < 0.1) return { unset: [pick(["limits.seats", "beta", "plan"])] };
  const set: Record<string, boolean | number | string> = { "limits.seats": below(1_000_000) };
  if (next() < 0.3) set["beta.search"] = next() < 0.5;
  if (next() < 0.3) set["plan"] = `plan_${below(1_000)}`;
  return { set };
}

function organizationsOf(count: number): number {
  return Math.max(1, Math.floor(count / 10));
}
