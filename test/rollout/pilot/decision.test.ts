import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AdvanceFacts,
  decideAdvance,
  decideRollback,
  observedEvents,
  observedWindow,
  tierWindow,
} from "../../../lib/rollout/pilot/decision.ts";
import { aRollout } from "../rollouts.ts";

const threshold = {
  errorRate: 0.05,
  timeWindow: 3_600_000,
  minimumEvents: 20,
  confidence: "interval",
} as const;
const window = { since: 1, until: 2 };
const NO_DATA = [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, Number.MAX_VALUE];

describe("observedWindow", () => {
  it("begins with the time window, or where the rollout came to where it stands", () => {
    const rollout = aRollout();
    expect(observedWindow(rollout, 1_000_001)).toEqual({ since: 1_000_000, until: 1_000_002 });
    expect(observedWindow(rollout, 4_600_000)).toEqual({ since: 1_000_000, until: 4_600_001 });
    expect(observedWindow(rollout, 4_600_001)).toEqual({ since: 1_000_001, until: 4_600_002 });
    expect(observedWindow(aRollout({ steps: [] }), 400_100)).toEqual({ since: 400_000, until: 400_101 });
    expect(tierWindow(rollout, 9_000_000)).toEqual({ since: 1_000_000, until: 9_000_001 });
  });
});

describe("observedEvents", () => {
  it("counts those served and their errors, and nobody else", () => {
    const row = { minute: 0, tier: 1 };
    const counts = [
      { ...row, event: "enabled", count: 3 },
      { ...row, event: "disabled", count: 100 },
      { ...row, event: "error", count: 2 },
      { ...row, tier: 0, event: "enabled", count: 4 },
    ] as const;
    expect(observedEvents(counts)).toEqual({ enabled: 7, errors: 2 });
  });
});

describe("decideRollback", () => {
  it("does not take back for one error in three events", () => {
    const eager = { ...threshold, minimumEvents: 0 };
    expect(decideRollback(eager, { enabled: 2, errors: 1 }, window).act).toBe("rollback");
    expect(decideRollback({ ...eager, errorRate: 0.1 }, { enabled: 2, errors: 1 }, window).act).toBe("hold");
    expect(decideRollback(threshold, { enabled: 2, errors: 1 }, window).act).toBe("hold");
  });

  it("acts once the interval's lower end is above the threshold, and says on what", () => {
    const at = (errors: number) => decideRollback(threshold, { enabled: 100 - errors, errors }, window);
    expect(at(6).act).toBe("hold");
    expect(at(10).act).toBe("rollback");
    expect(at(11)).toEqual({
      act: "rollback",
      because: "11 errors in 100 events: an error rate of 11 % (6.25 % to 18.63 %) exceeds 5 %",
      evidence: {
        events: 100,
        errors: 11,
        errorRate: 0.11,
        interval: { low: expect.closeTo(0.0625, 4), high: expect.closeTo(0.1863, 4) },
        window,
        threshold,
      },
    });
  });

  it("looks at the rate itself where it is told to, and not at a rate equal to the threshold", () => {
    const point = { ...threshold, confidence: "point" } as const;
    expect(decideRollback(point, { enabled: 19, errors: 1 }, window).act).toBe("hold");
    expect(decideRollback(point, { enabled: 18, errors: 2 }, window).act).toBe("rollback");
  });

  it("decides nothing below the fewest events", () => {
    expect(decideRollback(threshold, { enabled: 0, errors: 19 }, window)).toEqual({
      act: "hold",
      because: "only 19 of 20 events were seen",
    });
    expect(decideRollback(threshold, { enabled: 0, errors: 20 }, window).act).toBe("rollback");
  });

  it("holds without data, and with counts that are none", () => {
    for (const count of NO_DATA) {
      expect(decideRollback(threshold, { enabled: count, errors: 100 }, window).act).toBe("hold");
      expect(decideRollback(threshold, { enabled: 100, errors: count }, window).act).toBe("hold");
    }
    expect(decideRollback({ ...threshold, minimumEvents: 0 }, { enabled: 0, errors: 0 }, window).act).toBe(
      "hold",
    );
  });

  it("never holds more readily for more errors", () => {
    const counts = fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.double({ min: 0, max: 1, noNaN: true }));
    const property = fc.property(counts, ([enabled, errors, errorRate]) => {
      const at = (count: number) =>
        decideRollback({ ...threshold, errorRate }, { enabled, errors: count }, window);
      if (at(errors).act === "rollback") expect(at(errors + 1).act).toBe("rollback");
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

describe("decideAdvance", () => {
  const tiers = aRollout().tiers.map((tier) => ({ ...tier, minimumAge: 1_000, minimumEvents: 50 }));
  const sound: AdvanceFacts = {
    rollout: aRollout({ tiers, schedule: { bakeTime: 60_000 } }),
    now: 1_060_000,
    recent: { enabled: 50, errors: 0 },
    inTier: { enabled: 50, errors: 0 },
    scheduled: true,
  };
  const because = (change: Partial<AdvanceFacts>) => decideAdvance({ ...sound, ...change }).because;

  it("lets it on when all holds, with what it saw", () => {
    expect(decideAdvance(sound)).toMatchObject({
      act: "advance",
      because: '"at_10" was held for 60000 milliseconds with 0 errors in 50 events',
      evidence: { events: 50, errors: 0, eventsInTier: 50, age: 60_000 },
    });
  });

  it("refuses by the bake time, which binds nobody who asks by hand", () => {
    expect(because({ now: 1_059_999 })).toBe('it has been in "at_10" for 59999 of 60000 milliseconds');
    expect(decideAdvance({ ...sound, now: 1_001_000, scheduled: false }).act).toBe("advance");
    expect(because({ now: 1_000_999, scheduled: false })).toContain("999 of 1000 milliseconds");
    expect(because({ now: 0 })).toContain("-1000000 of 60000");
    expect(because({ rollout: aRollout() })).toContain("of Infinity");
  });

  it("refuses with fewer events than the tier asks for, errors among them", () => {
    expect(because({ inTier: { enabled: 49, errors: 0 } })).toBe('"at_10" has seen 49 of 50 events');
    expect(decideAdvance({ ...sound, inTier: { enabled: 49, errors: 1 } }).act).toBe("advance");
  });

  it("refuses while the error rate is above the threshold, however few the events", () => {
    expect(because({ recent: { enabled: 2, errors: 1 } })).toContain("an error rate of 33.33 %");
    expect(decideAdvance({ ...sound, recent: { enabled: 95, errors: 5 } }).act).toBe("advance");
    expect(because({ recent: { enabled: 94, errors: 6 } })).toContain("exceeds 5 %");
  });

  it("never takes silence for success where somebody is served", () => {
    const silent = aRollout({ schedule: { bakeTime: 0 } });
    const none = { enabled: 0, errors: 0 };
    const facts = { ...sound, rollout: silent, recent: none, inTier: none };
    expect(decideAdvance(facts)).toEqual({ act: "refuse", because: '"at_10" has seen 0 of 1 events' });
    expect(decideAdvance({ ...facts, scheduled: false }).act).toBe("advance");
    const atZero = { ...silent, tier: 0, steps: [{ tier: 0, at: 0 }] };
    expect(decideAdvance({ ...facts, rollout: atZero }).act).toBe("advance");
  });

  it("refuses with counts that are none", () => {
    for (const count of NO_DATA) {
      expect(because({ recent: { enabled: count, errors: 0 } })).toBe("there is no data");
      expect(because({ inTier: { enabled: 100, errors: count } })).toBe("there is no data");
    }
  });

  it.each(["planned", "paused", "completed", "rolled_back"] as const)("refuses while %s", (status) => {
    expect(because({ rollout: aRollout({ status }) })).toContain(`it is ${status}`);
  });

  it("refuses beyond the last tier", () => {
    expect(because({ rollout: aRollout({ targetTier: 1 }) })).toBe('"at_10" is its last tier');
  });
});
