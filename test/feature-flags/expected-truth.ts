import { expect } from "vitest";
import type { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import type { PlanFlags } from "./plan-flags.ts";
import { CONTEXTS, type Moment, seenAt, seenIn } from "./told-history.ts";

/** Whatever is asked in whatever way, the answer is that of the moment. */
export async function expectTruth(
  manager: FeatureFlagManager<PlanFlags>,
  moment: Moment,
  kind: { readonly preload: boolean },
): Promise<void> {
  for (const context of CONTEXTS) {
    const truth = seenAt(moment, context);
    const peeked = manager.peek(context);
    if (kind.preload || peeked !== undefined) {
      expect([kind, context, "peek", peeked && seenIn(peeked.config)]).toEqual([
        kind,
        context,
        "peek",
        truth,
      ]);
    }
    for (const options of [{}, { fresh: true }]) {
      const { error, config } = await manager.getFlags(context, options);
      expect([kind, context, options, error, seenIn(config)]).toEqual([
        kind,
        context,
        options,
        undefined,
        truth,
      ]);
    }
  }
}
