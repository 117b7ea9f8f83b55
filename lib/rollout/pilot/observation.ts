import type { Rollout } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import {
  type AdvanceDecision,
  decideAdvance,
  decideRollback,
  type ObservedWindow,
  observedEvents,
  observedWindow,
  type RollbackDecision,
  tierWindow,
} from "./decision.ts";

/** Whether the rollout is to be taken back by itself, from what storage has seen of it. */
export async function observeForRollback<C extends object>(
  access: RolloutAccess<C>,
  rollout: Rollout,
): Promise<RollbackDecision> {
  const { rollbackThreshold: threshold } = rollout;
  if (threshold === undefined) return { act: "hold", because: "it has no threshold" };
  const window = observedWindow(rollout, access.clock.now());
  return decideRollback(threshold, await countedIn(access, rollout, window), window);
}

/** Whether the rollout may go to its next tier, from what storage has seen of it. */
export async function observeForAdvance<C extends object>(
  access: RolloutAccess<C>,
  rollout: Rollout,
  scheduled: boolean,
): Promise<AdvanceDecision> {
  const now = access.clock.now();
  const inTier = await countedIn(access, rollout, tierWindow(rollout, now));
  const recent = await countedIn(access, rollout, observedWindow(rollout, now));
  return decideAdvance({ rollout, now, recent, inTier, scheduled });
}

async function countedIn<C extends object>(
  access: RolloutAccess<C>,
  { featureName }: Rollout,
  window: ObservedWindow,
) {
  return observedEvents(
    await access.read((storage) => storage.countRolloutEvents({ featureName, ...window })),
  );
}
