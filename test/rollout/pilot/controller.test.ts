import { describe, expect, it } from "vitest";
import type { Rollout } from "../../../lib/feature-flags/core/rollout.ts";
import { FlagError } from "../../../lib/feature-flags/index.ts";
import { createController } from "../../../lib/rollout/pilot/controller.ts";
import { createLoading } from "../../../lib/rollout/pilot/loading.ts";
import { PilotRolloutManager, type RolloutInput } from "../../../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import type { PlanFlags } from "../../feature-flags/plan-flags.ts";
import { handMadeAccess } from "../hand-made-access.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const HOURLY = { checkEvery: HOUR, eventsKeptFor: 7 * DAY, countsKeptFor: 90 * DAY };
const rollbackThreshold = { errorRate: 0.05, timeWindow: 10 * MINUTE, minimumEvents: 20 };
type Input = RolloutInput<PlanFlags, "beta.search">;
const everybody: Input = {
  featureName: "search",
  path: "beta.search",
  rollbackThreshold,
  tiers: [
    { name: "all of them", percentage: 100 },
    { name: "still all", percentage: 100 },
  ],
};

/** Instances over one storage, by one clock; each hears of the others' changes when its `access` is refreshed. */
async function instances(count: number, input = everybody, checkEvery?: number) {
  const storage = memoryStorage();
  const clock = manualClock();
  const all = Array.from({ length: count }, (_, n) => {
    const access = handMadeAccess({
      storage,
      clock,
      instanceId: `instance-${n}`,
      random: () => (n + 1) / (count + 1),
    });
    return { access, rollouts: new PilotRolloutManager({ flags: { rollouts: access }, checkEvery }) };
  });
  const [first] = all;
  if (first === undefined) throw new Error("There is no instance.");
  await first.rollouts.createRollout(input);
  await first.rollouts.startRollout("search");
  for (const { access } of all) await access.refresh();
  const record = async (event: "enabled" | "error", from: number, to: number, timestamp?: number) => {
    for (let n = from; n < to; n += 1) {
      first.rollouts.recordEvent({ featureName: "search", customerId: `cust_${n}`, event, timestamp });
    }
    await first.rollouts.flush();
  };
  const stored = async () => {
    await first.access.refresh();
    return first.access.get("search") as Rollout;
  };
  const audit = async () => {
    const changes = await storage.listChanges({ featureName: "search", limit: 1_000 });
    return changes.toReversed().map(({ changedBy, newValue, reason, evidence }) => ({
      ...{ changedBy, reason, evidence },
      status: (newValue as { status: string }).status,
      tier: (newValue as { tier: string }).tier,
    }));
  };
  return { storage, clock, all, access: first.access, rollouts: first.rollouts, record, stored, audit };
}

describe("automatic rollback", () => {
  it("takes a rollout back within one check, with its evidence in the audit trail", async () => {
    const { clock, access, record, stored, audit } = await instances(1);
    const start = clock.now();
    await record("enabled", 0, 80);
    await clock.advance(6_000);
    expect((await stored()).status).toBe("in_progress");
    await record("error", 0, 20);
    await clock.advance(5_500);
    expect((await stored()).status).toBe("rolled_back");
    expect((await audit()).at(-1)).toEqual({
      changedBy: "automatic rollback",
      reason: "20 errors in 100 events: an error rate of 20 % (13.34 % to 28.88 %) exceeds 5 %",
      status: "rolled_back",
      tier: "all of them",
      evidence: expect.objectContaining({
        ...{ events: 100, errors: 20, errorRate: 0.2 },
        window: { since: start, until: expect.any(Number) },
      }),
    });
    expect(access.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("is done by one of many that decide alike", async () => {
    const { clock, all, record, audit } = await instances(8);
    await record("error", 0, 100);
    // None hears of another: each acts upon what it held when the errors came.
    await clock.advance(20_000);
    expect((await audit()).filter(({ status }) => status === "rolled_back")).toHaveLength(1);
    const said = all.flatMap(({ access }) => access.lines.filter(({ level }) => level === "error"));
    expect(said).toHaveLength(1);
  });

  it.each([
    [0, "rolled_back"],
    [-1, "in_progress"],
  ])("counts an error that is %i milliseconds younger than the window: %s", async (younger, status) => {
    const { clock, access, record, stored } = await instances(1, everybody, 0);
    await clock.advance(2 * MINUTE);
    const at = clock.now();
    await record("error", 0, 20, at);
    await clock.advance(10 * MINUTE - younger);
    const controller = createController(access, { ...HOURLY, loaded: createLoading(access) });
    await controller.check();
    await controller.close();
    expect((await stored()).status).toBe(status);
  });

  it("does not count what happened before the tier began", async () => {
    const { clock, rollouts, record, stored } = await instances(1);
    await clock.advance(MINUTE);
    const before = clock.now() - 1;
    await rollouts.advanceRollout("search");
    await record("error", 0, 100, before);
    await clock.advance(5 * MINUTE);
    expect((await stored()).status).toBe("completed");
    await record("error", 0, 100, before + 1);
    await clock.advance(6_000);
    expect((await stored()).status).toBe("rolled_back");
  });

  it("leaves a rollout that is started again alone until it errs again", async () => {
    const { clock, rollouts, record, stored } = await instances(2);
    await record("error", 0, 100);
    await clock.advance(6_000);
    expect((await stored()).status).toBe("rolled_back");
    await rollouts.startRollout("search");
    await clock.advance(10 * MINUTE);
    expect((await stored()).status).toBe("in_progress");
  });

  it("holds without data, while storage is away, and goes on when it is back", async () => {
    const { clock, access, record, stored, audit } = await instances(1);
    await clock.advance(DAY);
    expect((await stored()).status).toBe("in_progress");
    await record("error", 0, 100);
    access.gate = () => {
      throw new FlagError("STORAGE_UNAVAILABLE", "Storage is away.");
    };
    await clock.advance(MINUTE);
    access.gate = () => {};
    expect(await audit()).toHaveLength(2);
    await clock.advance(6_000);
    expect((await stored()).status).toBe("rolled_back");
  });

  it("looks at paused and completed rollouts too, for they go on serving", async () => {
    const { clock, rollouts, record, stored } = await instances(1);
    await rollouts.pauseRollout("search");
    await record("error", 0, 100);
    await clock.advance(6_000);
    expect((await stored()).status).toBe("rolled_back");
  });
});

describe("a schedule", () => {
  const scheduled: Input = {
    ...everybody,
    schedule: { bakeTime: 10 * MINUTE },
    tiers: [0, 1, 10, 50, 100].map((percentage) => ({
      ...{ name: `at_${percentage}`, percentage },
      minimumEvents: percentage === 0 ? 0 : 5,
    })),
  };

  it("runs a rollout from nobody to everybody by itself", async () => {
    const { clock, rollouts, record, stored, audit } = await instances(2, scheduled);
    for (let minute = 0; minute < 70; minute += 1) {
      await record("enabled", 0, 1_000);
      await clock.advance(MINUTE);
    }
    expect(await stored()).toMatchObject({ status: "completed", tier: 4 });
    expect((await audit()).map(({ changedBy, tier, status }) => [changedBy, tier, status])).toEqual([
      [undefined, "at_0", "planned"],
      [undefined, "at_0", "in_progress"],
      ["schedule", "at_1", "in_progress"],
      ["schedule", "at_10", "in_progress"],
      ["schedule", "at_50", "in_progress"],
      ["schedule", "at_100", "completed"],
    ]);
    const times = (await stored()).steps.map(({ at }) => at);
    for (const [index, at] of times.entries()) {
      if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(10 * MINUTE);
    }
    expect(await rollouts.shouldEnableFeature("search", "anybody")).toBe(true);
  });

  it("stops when errors come at the third tier, and never goes on by itself", async () => {
    const { clock, rollouts, record, stored, audit } = await instances(2, scheduled);
    for (let minute = 0; minute < 25; minute += 1) {
      await record("enabled", 0, 1_000);
      await clock.advance(MINUTE);
    }
    expect((await stored()).tier).toBe(2);
    await record("error", 0, 1_000);
    await clock.advance(6_000);
    for (let minute = 0; minute < 60; minute += 1) {
      await record("enabled", 0, 1_000);
      await clock.advance(MINUTE);
    }
    expect(await stored()).toMatchObject({ status: "rolled_back", tier: 2 });
    expect((await audit()).at(-1)).toMatchObject({ changedBy: "automatic rollback", tier: "at_10" });
    for (let n = 0; n < 500; n += 1)
      expect(await rollouts.shouldEnableFeature("search", `cust_${n}`)).toBe(false);
  });

  it("waits where nothing is heard of those who are served", async () => {
    const { clock, stored } = await instances(1, scheduled);
    await clock.advance(DAY);
    expect(await stored()).toMatchObject({ status: "in_progress", tier: 1 });
  });

  it("does not advance while it is paused", async () => {
    const { clock, rollouts, record, stored } = await instances(1, scheduled);
    await rollouts.pauseRollout("search");
    await record("enabled", 0, 100);
    await clock.advance(DAY);
    expect((await stored()).tier).toBe(0);
    await rollouts.resumeRollout("search");
    await clock.advance(6_000);
    expect((await stored()).tier).toBe(1);
  });

  it("is taken over from an instance that died", async () => {
    const { storage, clock, all, stored } = await instances(2, scheduled);
    await clock.advance(MINUTE);
    const now = clock.now();
    const [first, second] = all;
    const isFirst = await storage.takeLease({
      name: "rollout-schedule",
      holder: "instance-0",
      now,
      until: now,
    });
    const dying = isFirst ? first : second;
    if (dying === undefined) throw new Error("There is no instance.");
    dying.access.gate = () => {
      throw new FlagError("STORAGE_UNAVAILABLE", "This instance is dead.");
    };
    await clock.advance(9 * MINUTE + 21_000);
    dying.access.gate = () => {};
    expect((await stored()).tier).toBe(1);
  });
});

describe("what is old", () => {
  it("is forgotten after seven days, its counts after ninety", async () => {
    const { storage, clock, access, rollouts, record } = await instances(1);
    const at = clock.now();
    await record("enabled", 0, 10);
    await rollouts.close();
    const controller = createController(access, { ...HOURLY, loaded: createLoading(access) });
    const counted = async (before: number, after: number) => {
      const window = { featureName: "search", since: at - before, until: at + after };
      return (await storage.countRolloutEvents(window)).reduce((sum, { count }) => sum + count, 0);
    };
    // A part of a minute is counted by its events, whole minutes by their counts.
    const left = async () => [await counted(1, 1), await counted(MINUTE, MINUTE)];
    await clock.advance(7 * DAY - MINUTE);
    expect(await left()).toEqual([10, 10]);
    await clock.advance(2 * HOUR);
    expect(await left()).toEqual([0, 10]);
    await clock.advance(83 * DAY - 3 * HOUR);
    expect(await left()).toEqual([0, 10]);
    await clock.advance(4 * HOUR);
    expect(await left()).toEqual([0, 0]);
    await controller.close();
    expect(clock.timers()).toBe(0);
  });
});
