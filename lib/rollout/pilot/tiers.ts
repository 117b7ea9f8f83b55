import type { Rollout, RolloutTier } from "../../feature-flags/core/rollout.ts";

/** The tiers of a rollout that names none. */
export const DEFAULT_TIERS: readonly RolloutTier[] = Object.freeze(
  (
    [
      ["tier_0_disabled", 0],
      ["tier_1_internal", 1],
      ["tier_2_early_adopters", 10],
      ["tier_3_general", 50],
      ["tier_4_full", 100],
    ] as const
  ).map(([name, percentage]) => Object.freeze({ name, percentage, minimumAge: 0, minimumEvents: 0 })),
);

/** What a rollout serves at present, in percent: none while it is planned or rolled back. */
export function servedPercentage({
  status,
  tiers,
  tier,
}: Pick<Rollout, "status" | "tiers" | "tier">): number {
  if (status === "planned" || status === "rolled_back") return 0;
  return tiers[tier]?.percentage ?? 0;
}

/** When the rollout came to where it stands: what happened earlier says nothing of it. Unix epoch, milliseconds. */
export function standsSince({ steps, createdAt }: Pick<Rollout, "steps" | "createdAt">): number {
  return steps.at(-1)?.at ?? createdAt;
}

/** Where the rollout stood at a moment: an index into its tiers. */
export function tierAt({ steps, tier }: Pick<Rollout, "steps" | "tier">, at: number): number {
  return steps.findLast((step) => step.at <= at)?.tier ?? steps[0]?.tier ?? tier;
}
