import type { Rollout } from "../../lib/feature-flags/core/rollout.ts";
import { rolloutJson } from "../../lib/feature-flags/core/rollout-parse.ts";
import type { FlagStorage } from "../../lib/feature-flags/index.ts";

/** A rollout of `beta.search` at half of all customers. */
export const halfRollout: Rollout = Object.freeze({
  featureName: "search",
  path: "beta.search",
  value: true,
  unit: "customer",
  salt: "search",
  status: "in_progress",
  tiers: [
    { name: "half", percentage: 50, minimumAge: 0, minimumEvents: 0 },
    { name: "all", percentage: 100, minimumAge: 0, minimumEvents: 0 },
  ],
  tier: 0,
  targetTier: 1,
  allowedCustomers: [],
  deniedCustomers: [],
  deniedOrganizations: [],
  rollbackThreshold: undefined,
  schedule: undefined,
  steps: [{ tier: 0, at: Date.UTC(2025, 0, 1) }],
  createdAt: Date.UTC(2025, 0, 1),
});

let writes = 0;

/** Puts a rollout into a storage as another process would. */
export async function storeRollout(storage: FlagStorage, changes: Partial<Rollout> = {}): Promise<number> {
  const rollout = { ...halfRollout, ...changes };
  writes += 1;
  const { revision = -1 } = await storage.writeRollout({
    featureName: rollout.featureName,
    changeId: `rollout-${writes}`,
    changedBy: "ada",
    changedAt: Date.UTC(2025, 0, 1),
    reason: "Pilot",
    audit: "required",
    decide: () => ({
      rollout: rolloutJson(rollout),
      path: rollout.path,
      oldValue: undefined,
      newValue: { status: rollout.status },
    }),
  });
  return revision;
}
