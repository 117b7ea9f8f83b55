import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Rollout } from "../../../lib/feature-flags/core/rollout.ts";
import { parseRollout, rolloutJson } from "../../../lib/feature-flags/core/rollout-parse.ts";

const whole: Rollout = {
  featureName: "tab-sync",
  path: "beta.sync",
  value: true,
  unit: "customer",
  salt: "tab-sync",
  status: "in_progress",
  tiers: [
    { name: "few", percentage: 1, minimumAge: 0, minimumEvents: 0 },
    { name: "all", percentage: 100, minimumAge: 60_000, minimumEvents: 20 },
  ],
  tier: 0,
  targetTier: 1,
  allowedCustomers: ["friend"],
  deniedCustomers: [],
  deniedOrganizations: ["rivals"],
  rollbackThreshold: { errorRate: 0.05, timeWindow: 3_600_000, minimumEvents: 20, confidence: "interval" },
  schedule: { bakeTime: 86_400_000 },
  steps: [{ tier: 0, at: 1_000 }],
  createdAt: 1_000,
};

const stored = (change: object = {}): unknown =>
  JSON.parse(JSON.stringify({ ...rolloutJson(whole), ...change }));

describe("parseRollout", () => {
  it("reads back what rolloutJson wrote, frozen all the way down", () => {
    const read = parseRollout(stored());
    expect(read).toEqual(whole);
    const bare: Rollout = { ...whole, rollbackThreshold: undefined, schedule: undefined };
    expect(parseRollout(JSON.parse(JSON.stringify(rolloutJson(bare))))).toEqual(bare);
    expect(parseRollout(stored({ rollbackThreshold: null, schedule: null }))).toEqual(bare);
    const parts =
      typeof read === "string" ? [] : [read, read.tiers, read.tiers[0], read.steps, read.allowedCustomers];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true, true, true]);
  });

  it.each([
    [{ featureName: "" }, "featureName is not text of 1 to 255 characters"],
    [{ featureName: "x".repeat(256) }, "featureName is not text of 1 to 255 characters"],
    [{ path: 7 }, "path is not text of 1 to 2000 characters"],
    [{ value: undefined }, "value is missing"],
    [{ value: "\ud800" }, "value takes well-formed text without NUL characters"],
    [{ unit: "seat" }, "unit is none of customer, organization"],
    [{ salt: null }, "salt is not text of 1 to 255 characters"],
    [{ status: "toString" }, "status is none of planned, in_progress, paused, completed, rolled_back"],
    [{ tiers: [] }, "tiers is empty"],
    [{ tiers: {} }, "tiers is not a list"],
    [{ tiers: Array(101).fill(whole.tiers[0]) }, "tiers has 101 entries, more than 100"],
    [{ tiers: [whole.tiers[1], whole.tiers[0]] }, "tiers[1] has a lower percentage"],
    [
      { tiers: [{ ...whole.tiers[0], percentage: 100.001 }] },
      "tiers[0].percentage is not a number from 0 to 100",
    ],
    [
      { tiers: [{ ...whole.tiers[0], percentage: "1" }] },
      "tiers[0].percentage is not a number from 0 to 100",
    ],
    [{ tier: 2 }, "tier is not a number from 0 to 1"],
    [{ tier: -1 }, "tier is not a number from 0 to 1"],
    [{ targetTier: 0.5 }, "targetTier is not a whole number"],
    [{ tier: 1, targetTier: 0 }, "tier is not a number from 0 to 0"],
    [{ allowedCustomers: ["a", 7] }, "allowedCustomers holds what is no id"],
    [{ deniedCustomers: [""] }, "deniedCustomers holds what is no id"],
    [{ deniedOrganizations: "rivals" }, "deniedOrganizations is not a list"],
    [{ allowedCustomers: Array(10_001).fill("a") }, "allowedCustomers has 10001 entries, more than 10000"],
    [{ rollbackThreshold: { errorRate: 2 } }, "rollbackThreshold.errorRate is not a number from 0 to 1"],
    [
      { rollbackThreshold: { ...whole.rollbackThreshold, timeWindow: 0 } },
      `rollbackThreshold.timeWindow is not a number from 1 to ${Number.MAX_SAFE_INTEGER}`,
    ],
    [{ schedule: [] }, "schedule is not an object"],
    [{ steps: [] }, "steps do not end where tier says it stands"],
    [{ steps: [{ tier: 1, at: 1 }] }, "steps do not end where tier says it stands"],
    [{ steps: [{ tier: 0, at: "now" }] }, `steps[0].at is not a number from 0 to ${Number.MAX_SAFE_INTEGER}`],
    [{ createdAt: -1 }, `createdAt is not a number from 0 to ${Number.MAX_SAFE_INTEGER}`],
  ])("says of %j: %s", (change, flaw) => {
    expect(parseRollout(stored(change))).toBe(flaw);
  });

  it("answers anything at all with a rollout or a sentence, and never throws", () => {
    const junk = fc.anything({ withNullPrototype: true, withDate: true, withMap: true });
    fc.assert(
      fc.property(junk, (value) => {
        expect(typeof parseRollout(value)).toBe("string");
      }),
    );
    const keys = Object.keys(rolloutJson(whole));
    const mutated = fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
      const read = parseRollout(stored({ [key]: value }));
      if (typeof read !== "string")
        expect(parseRollout(JSON.parse(JSON.stringify(rolloutJson(read))))).toEqual(read);
    });
    fc.assert(mutated, { numRuns: 2_000 });
  });
});
