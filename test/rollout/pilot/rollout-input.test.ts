import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRollout, rolloutJson } from "../../../lib/feature-flags/core/rollout-parse.ts";
import { defineFlags, isFlagError } from "../../../lib/feature-flags/index.ts";
import { plannedRollout } from "../../../lib/rollout/pilot/rollout-input.ts";
import { DEFAULT_TIERS } from "../../../lib/rollout/pilot/tiers.ts";
import { planFlags } from "../../feature-flags/plan-flags.ts";

const definition = planFlags();
const planned = (input: unknown) => plannedRollout(definition, "production", input, 1_000);
const least = { featureName: "search", path: "beta.search" };

function refusal(input: unknown): string {
  try {
    planned(input);
    return "accepted";
  } catch (error) {
    return isFlagError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

describe("plannedRollout", () => {
  it("fills in what is left out", () => {
    expect(planned(least)).toEqual({
      ...{ featureName: "search", path: "beta.search", value: true, unit: "customer", salt: "search" },
      ...{ status: "planned", tiers: DEFAULT_TIERS, tier: 0, targetTier: 4 },
      ...{ allowedCustomers: [], deniedCustomers: [], deniedOrganizations: [] },
      ...{ rollbackThreshold: undefined, schedule: undefined, steps: [], createdAt: 1_000 },
    });
    expect(DEFAULT_TIERS.map(({ name, percentage }) => [name, percentage])).toEqual([
      ["tier_0_disabled", 0],
      ["tier_1_internal", 1],
      ["tier_2_early_adopters", 10],
      ["tier_3_general", 50],
      ["tier_4_full", 100],
    ]);
  });

  it("takes values of any kind, and copies of what it is given", () => {
    const regions = ["eu", "us"];
    const allowedCustomers = ["a", "b", "a"];
    const rollout = planned({ ...least, path: "limits.regions", value: regions, allowedCustomers });
    regions.push("mars");
    allowedCustomers.push("c");
    expect(rollout).toMatchObject({ value: ["eu", "us"], allowedCustomers: ["a", "b"] });
    expect(planned({ ...least, value: false }).value).toBe(false);
    expect(planned({ ...least, path: "note", value: null }).value).toBeNull();
  });

  it("takes a target by name or index, and rounds percentages to what buckets can tell apart", () => {
    const tiers = [
      { name: "a", percentage: 0.0004 },
      { name: "b", percentage: 33.333_333 },
      { name: "c", percentage: 100, minimumAge: 5, minimumEvents: 6 },
    ];
    expect(planned({ ...least, tiers, targetTier: "b" })).toMatchObject({
      targetTier: 1,
      tiers: [{ percentage: 0 }, { percentage: 33.333, minimumAge: 0 }, { minimumAge: 5, minimumEvents: 6 }],
    });
    expect(planned({ ...least, targetTier: 0 }).targetTier).toBe(0);
  });

  it.each([
    [undefined, "INVALID_PATCH: Say what to roll out with an object: { featureName, path, ... }."],
    [{ ...least, featureName: "" }, "INVALID_PATCH: featureName must be text of 1 to 255"],
    [{ ...least, featureName: "x".repeat(256) }, "INVALID_PATCH: featureName must be text"],
    [
      { ...least, path: "beta.serch" },
      'UNKNOWN_PATH: There is no flag "beta.serch". Did you mean "beta.search"?',
    ],
    [{ ...least, path: "beta" }, 'UNKNOWN_PATH: "beta" has flags below it. Name one, such as "beta.search".'],
    [{ ...least, path: 7 }, "INVALID_PATCH: path must be a string."],
    [{ ...least, value: "yes" }, 'TYPE_MISMATCH: "beta.search" takes a boolean, not a string.'],
    [{ ...least, value: null }, 'TYPE_MISMATCH: "beta.search" takes a boolean, not null.'],
    [{ ...least, path: "plan" }, 'TYPE_MISMATCH: "plan" is no boolean: say which value to roll out (value).'],
    [{ ...least, unit: "seat" }, "INVALID_PATCH: unit must be one of customer, organization."],
    [{ ...least, salt: "\u0007" }, "INVALID_PATCH: salt must be text"],
    [{ ...least, tiers: [] }, "INVALID_PATCH: tiers must be a list of at least one tier."],
    [{ ...least, tiers: [{ name: "a", percentage: 101 }] }, 'INVALID_PATCH: The percentage of "a" must be'],
    [
      { ...least, tiers: [{ name: "a", percentage: Number.NaN }] },
      'INVALID_PATCH: The percentage of "a" must be',
    ],
    [{ ...least, tiers: [{ name: "a", percentage: "5" }] }, 'INVALID_PATCH: The percentage of "a" must be'],
    [
      {
        ...least,
        tiers: [
          { name: "a", percentage: 10 },
          { name: "b", percentage: 9.999 },
        ],
      },
      'INVALID_PATCH: "b" has 9.999 %, less than the 10 % of "a"',
    ],
    [
      {
        ...least,
        tiers: [
          { name: "a", percentage: 1 },
          { name: "a", percentage: 2 },
        ],
      },
      'INVALID_PATCH: Two tiers are named "a".',
    ],
    [
      { ...least, tiers: Array.from({ length: 101 }, (_, n) => ({ name: `t${n}`, percentage: 1 })) },
      "INVALID_PATCH: There are 101 tiers; at most 100",
    ],
    [
      { ...least, tiers: [{ name: "a", percentage: 1, minimumAge: -1 }] },
      'INVALID_PATCH: The minimumAge of "a"',
    ],
    [
      { ...least, targetTier: "tier_9" },
      'INVALID_PATCH: There is no tier "tier_9". There are: tier_0_disabled',
    ],
    [{ ...least, targetTier: 5 }, 'INVALID_PATCH: There is no tier "5".'],
    [{ ...least, allowedCustomers: "a" }, "INVALID_PATCH: allowedCustomers must be a list of ids."],
    [{ ...least, deniedCustomers: [7] }, "INVALID_ID: deniedCustomers must hold ids only"],
    [
      { ...least, deniedOrganizations: [""] },
      "INVALID_ID: In deniedOrganizations: The organization id is empty.",
    ],
    [
      { ...least, allowedCustomers: Array.from({ length: 10_001 }, (_, n) => `c${n}`) },
      "INVALID_PATCH: allowedCustomers has 10001 ids; at most 10000",
    ],
    [{ ...least, rollbackThreshold: 0.05 }, "INVALID_PATCH: rollbackThreshold must be an object."],
    [
      { ...least, rollbackThreshold: { errorRate: 5, timeWindow: 3_600_000, minimumEvents: 20 } },
      "INVALID_PATCH: rollbackThreshold.errorRate must be a number from 0 to 1.",
    ],
    [
      { ...least, rollbackThreshold: { errorRate: 0.05, timeWindow: 7 * 86_400_000, minimumEvents: 20 } },
      "INVALID_PATCH: rollbackThreshold.timeWindow must be a number from 1000 to 518400000.",
    ],
    [{ ...least, schedule: { bakeTime: 0.5 } }, "INVALID_PATCH: schedule.bakeTime must be a whole number."],
  ])("refuses %j", (input, message) => {
    expect(refusal(input)).toContain(message);
  });

  it("asks a schema about the value, where there is one", () => {
    const withSchema = defineFlags({
      defaults: { plan: "free" },
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value: unknown) =>
            JSON.stringify(value).includes("gold")
              ? { issues: [{ message: "There is no gold plan.", path: ["plan"] }] }
              : { value: { plan: "free" } },
        },
      },
    });
    const roll = (value: string) =>
      plannedRollout(withSchema, "production", { featureName: "plan", path: "plan", value }, 0).value;
    expect(roll("silver")).toBe("silver");
    expect(() => roll("gold")).toThrow("There is no gold plan.");
  });

  it("answers any input with a rollout that can be stored, or a typed refusal", () => {
    const fields = fc.record(
      {
        featureName: fc.oneof(fc.string(), fc.anything()),
        path: fc.oneof(fc.constantFrom(...definition.leaves.keys()), fc.anything()),
        value: fc.anything(),
        tiers: fc.oneof(
          fc.array(fc.record({ name: fc.string(), percentage: fc.double() }), { maxLength: 3 }),
          fc.anything(),
        ),
        targetTier: fc.anything(),
        allowedCustomers: fc.oneof(fc.array(fc.string()), fc.anything()),
        schedule: fc.anything(),
        rollbackThreshold: fc.anything(),
      },
      { requiredKeys: [] },
    );
    const property = fc.property(fields, (input) => {
      try {
        const rollout = planned({ ...least, ...input });
        expect(parseRollout(JSON.parse(JSON.stringify(rolloutJson(rollout))))).toEqual(rollout);
      } catch (error) {
        if (!isFlagError(error)) throw error;
      }
    });
    fc.assert(property, { numRuns: 3_000 });
  });
});
