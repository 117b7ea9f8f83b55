import { describe, expect, it } from "vitest";
import type { Rollout } from "../../lib/feature-flags/core/rollout.ts";
import { parseRollout } from "../../lib/feature-flags/core/rollout-parse.ts";
import { FlagError, type FlagStorage } from "../../lib/feature-flags/index.ts";
import { createController, type RolloutController } from "../../lib/rollout/pilot/controller.ts";
import { createLoading } from "../../lib/rollout/pilot/loading.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { type ManualClock, manualClock } from "../../lib/testing/index.ts";
import { type SeededRandom, seededRandom } from "../faults/seeded-random.ts";
import { handMadeAccess } from "./hand-made-access.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const CHECKS = { checkEvery: 20_000, eventsKeptFor: 7 * DAY, countsKeptFor: 90 * DAY };

interface Instance {
  readonly controller: RolloutController;
  /** From now on whatever it asks storage fails, in the middle of a step too. */
  kill(): void;
  hear(): Promise<void>;
}

function instance(storage: FlagStorage, clock: ManualClock, random: SeededRandom, name: string): Instance {
  const access = handMadeAccess({ storage, clock, random: random.next, instanceId: name });
  // It dies with any of the next few questions it asks: between the look and the act, or after the lease.
  let left = Number.POSITIVE_INFINITY;
  access.gate = () => {
    left -= 1;
    if (left < 0) throw new FlagError("STORAGE_UNAVAILABLE", `${name} is dead.`);
  };
  return {
    controller: createController(access, { ...CHECKS, loaded: createLoading(access) }),
    kill: () => {
      left = random.below(8);
    },
    hear: async () => {
      if (left > 0) await access.refresh();
    },
  };
}

interface Step {
  readonly at: number;
  readonly by: string | undefined;
  readonly status: string;
  readonly tier: string;
}

/** Two controllers, one of which dies and is born again at random moments, while events come and fail at random. */
async function run(seed: number) {
  const random = seededRandom(seed);
  const storage = memoryStorage();
  const clock = manualClock();
  const bakeTime = (1 + random.below(20)) * MINUTE;
  const percentages = Array.from({ length: 2 + random.below(5) }, () => random.below(101)).sort(
    (a, b) => a - b,
  );
  const owner = handMadeAccess({ storage, clock, random: random.next, instanceId: "owner" });
  const rollouts = new PilotRolloutManager({ flags: { rollouts: owner }, checkEvery: 0 });
  await rollouts.createRollout({
    ...{ featureName: "search", path: "beta.search", schedule: { bakeTime } },
    allowedCustomers: Array.from({ length: 60 }, (_, n) => `cust_${n}`),
    tiers: percentages.map((percentage, n) => ({
      name: `tier ${n}`,
      percentage,
      minimumEvents: random.below(30),
    })),
    rollbackThreshold: { errorRate: 0.05, timeWindow: 10 * MINUTE, minimumEvents: 20 },
  });
  await rollouts.startRollout("search");

  let born = 0;
  const bear = async () => {
    born += 1;
    const made = instance(storage, clock, random, `instance-${born}`);
    await made.hear();
    return made;
  };
  let [mortal, other] = [await bear(), await bear()];
  const failsFrom =
    random.below(3) === 0 ? clock.now() + random.below(60) * MINUTE : Number.POSITIVE_INFINITY;
  for (let minute = 0; minute < 90; minute += 1) {
    const errs = clock.now() >= failsFrom;
    for (let n = 0; n < 30; n += 1) {
      const event = errs && n % 2 === 0 ? "error" : "enabled";
      rollouts.recordEvent({ featureName: "search", customerId: `cust_${random.below(60)}`, event });
    }
    await rollouts.flush();
    const chance = random.below(6);
    if (chance === 0) mortal.kill();
    if (chance === 1) {
      await mortal.controller.close();
      mortal = await bear();
    }
    // News reaches each now and then: what it decides upon may be old.
    if (random.below(3) > 0) await mortal.hear();
    if (random.below(3) > 0) await other.hear();
    await clock.advance(MINUTE);
  }
  await mortal.controller.close();
  await other.controller.close();
  await rollouts.close();

  const changes = (await storage.listChanges({ featureName: "search", limit: 1_000 })).toReversed();
  const steps = changes.map(({ newValue, changedAt, changedBy }): Step => {
    const { status, tier } = newValue as { status: string; tier: string };
    return { at: changedAt, by: changedBy, status, tier };
  });
  const stored = parseRollout((await storage.listRollouts()).rollouts[0]?.rollout);
  return { steps, rollout: stored as Rollout, bakeTime, failsFrom, timers: clock.timers() };
}

describe("500 random schedules with two controllers, one of which keeps dying", () => {
  it("take each step once, in order, after its bake time, and never go back and forth", async () => {
    const seen = { completed: 0, rolled_back: 0, in_progress: 0 };
    for (let seed = 1; seed <= 500; seed += 1) {
      const { steps, rollout, bakeTime, failsFrom, timers } = await run(seed);
      const where = `seed ${seed}: ${JSON.stringify(steps)}`;
      const advanced = steps.slice(1).filter(({ status }) => status !== "rolled_back");
      // Tier after tier, none twice and none left out.
      expect(
        advanced.map(({ tier }) => tier),
        where,
      ).toEqual(advanced.map((_, n) => `tier ${n}`));
      for (const [n, { at, by }] of advanced.entries()) {
        expect(by, where).toBe(n === 0 ? undefined : "schedule");
        if (n > 0) expect(at - (advanced[n - 1]?.at ?? 0), where).toBeGreaterThanOrEqual(bakeTime);
      }
      expect(
        rollout.steps.map(({ tier }) => tier),
        where,
      ).toEqual(advanced.map((_, n) => n));
      const back = steps.flatMap(({ status }, n) => (status === "rolled_back" ? [n] : []));
      // Once at most, as the last thing that happens, and not before anything failed.
      expect(back, where).toEqual(back.length === 0 ? [] : [steps.length - 1]);
      if (back.length > 0) expect(steps.at(-1)?.at, where).toBeGreaterThanOrEqual(failsFrom);
      if (failsFrom < Number.POSITIVE_INFINITY) expect(rollout.status, where).toBe("rolled_back");
      else expect(rollout.status, where).not.toBe("rolled_back");
      expect(timers, where).toBe(0);
      if (rollout.status in seen) seen[rollout.status as keyof typeof seen] += 1;
    }
    // Otherwise nothing was tried.
    expect(seen.completed).toBeGreaterThan(100);
    expect(seen.rolled_back).toBeGreaterThan(100);
  }, 120_000);
});
