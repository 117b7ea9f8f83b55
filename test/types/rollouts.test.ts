import { describe, expectTypeOf, it } from "vitest";
import { defineFlags, FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { PilotRolloutManager, type RolloutResult } from "../../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";

// Every line under "@ts-expect-error" must not compile: `tsc` fails where one does.

const definition = defineFlags({
  defaults: {
    limits: { maxSeats: 5, regions: ["eu"] },
    beta: { search: false },
    mode: "auto" as "auto" | "manual",
  },
});
const flags = new FeatureFlagManager({ definition, storage: memoryStorage() });
const rollouts = new PilotRolloutManager({ flags, checkEvery: 0 });

/** Compiled, and never called. */
function never(_: () => unknown): void {}

describe("a new rollout", () => {
  it("takes paths of the definition, with the value each of them holds", () => {
    never(() => rollouts.createRollout({ featureName: "a", path: "beta.search" }));
    never(() => rollouts.createRollout({ featureName: "a", path: "beta.search", value: false }));
    never(() => rollouts.createRollout({ featureName: "a", path: "limits.maxSeats", value: 7 }));
    never(() => rollouts.createRollout({ featureName: "a", path: "limits.regions", value: ["us"] }));
    never(() => rollouts.createRollout({ featureName: "a", path: "mode", value: "manual" }));
    // @ts-expect-error: there is no such flag.
    never(() => rollouts.createRollout({ featureName: "a", path: "beta.serch" }));
    // @ts-expect-error: a branch is no flag.
    never(() => rollouts.createRollout({ featureName: "a", path: "beta" }));
    // @ts-expect-error: only a boolean flag has a value to begin with.
    never(() => rollouts.createRollout({ featureName: "a", path: "limits.maxSeats" }));
    // @ts-expect-error: not the value this flag holds.
    never(() => rollouts.createRollout({ featureName: "a", path: "limits.maxSeats", value: "7" }));
    // @ts-expect-error: not the value this flag holds.
    never(() => rollouts.createRollout({ featureName: "a", path: "beta.search", value: "yes" }));
    // @ts-expect-error: not a mode there is.
    never(() => rollouts.createRollout({ featureName: "a", path: "mode", value: "off" }));
  });

  it("answers with the rollout and its version", () => {
    expectTypeOf<ReturnType<typeof rollouts.startRollout>>().toEqualTypeOf<Promise<RolloutResult>>();
    expectTypeOf<Parameters<typeof rollouts.recordEvent>[0]["event"]>().toEqualTypeOf<
      "enabled" | "disabled" | "error"
    >();
  });
});
