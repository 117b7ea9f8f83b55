import type { Rollout } from "../../lib/feature-flags/core/rollout.ts";

/** A rollout in progress, at its second of four tiers since 1,000,000 milliseconds. */
export function aRollout(change: Partial<Rollout> = {}): Rollout {
  return {
    featureName: "search",
    path: "beta.search",
    value: true,
    unit: "customer",
    salt: "search",
    status: "in_progress",
    tiers: [0, 10, 50, 100].map((percentage) => ({
      name: `at_${percentage}`,
      percentage,
      minimumAge: 0,
      minimumEvents: 0,
    })),
    tier: 1,
    targetTier: 3,
    allowedCustomers: [],
    deniedCustomers: [],
    deniedOrganizations: [],
    rollbackThreshold: { errorRate: 0.05, timeWindow: 3_600_000, minimumEvents: 20, confidence: "interval" },
    schedule: undefined,
    steps: [
      { tier: 0, at: 500_000 },
      { tier: 1, at: 1_000_000 },
    ],
    createdAt: 400_000,
    ...change,
  };
}
