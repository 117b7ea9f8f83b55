import {
  defineFlags,
  FeatureFlagManager,
  type FeatureFlagManagerOptions,
  type FlagDefinition,
  type FlagStorage,
  type Resolution,
} from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { type ManualClock, manualClock } from "../../lib/testing/index.ts";

/** A small product with one leaf of every kind, two rules and an environment. */
export interface PlanFlags {
  limits: { maxSeats: number; minSeats: number; regions: string[] };
  beta: { search: boolean; sync: boolean };
  plan: string;
  note: string | null;
  labels: Record<string, string>;
}

const PLAN_DEFAULTS: PlanFlags = {
  limits: { maxSeats: 5, minSeats: 1, regions: ["eu"] },
  beta: { search: false, sync: false },
  plan: "free",
  note: null,
  labels: {},
};

export function planFlags(resolution: Resolution = "cascade"): FlagDefinition<PlanFlags> {
  return defineFlags<PlanFlags>({
    defaults: PLAN_DEFAULTS,
    environments: { staging: { beta: { search: true }, plan: "trial" } },
    resolution,
    rules: [
      { path: "beta.sync", needs: ["beta.search"] },
      {
        path: "limits.minSeats",
        check: ({ limits }) => limits.minSeats <= limits.maxSeats,
        message: "limits.minSeats must not exceed limits.maxSeats.",
      },
    ],
  });
}

/** A manager of {@link planFlags} over a memory of its own, with time standing still. */
export function planManager(options: FeatureFlagManagerOptions<PlanFlags> = {}): {
  manager: FeatureFlagManager<PlanFlags>;
  storage: FlagStorage;
  clock: ManualClock;
} {
  const storage = memoryStorage();
  const clock = manualClock();
  const manager = new FeatureFlagManager<PlanFlags>({
    definition: planFlags(),
    storage,
    clock,
    environment: "production",
    random: () => 0.5,
    ...options,
  });
  return { manager, storage, clock };
}
