import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Rollout, RolloutStatus } from "../../../lib/feature-flags/core/rollout.ts";
import { parseRollout, rolloutJson } from "../../../lib/feature-flags/core/rollout-parse.ts";
import { isFlagError } from "../../../lib/feature-flags/index.ts";
import {
  advance,
  auditedState,
  pause,
  resume,
  rollBack,
  rollBackFor,
  start,
  type Transition,
} from "../../../lib/rollout/pilot/transitions.ts";
import { aRollout } from "../rollouts.ts";

const STEPS = { start, pause, resume, advance, rollBack } as const;
const STATUSES: readonly RolloutStatus[] = ["planned", "in_progress", "paused", "completed", "rolled_back"];

/** The status after each step from each status; "same": nothing changes; "no": refused. */
const TABLE: Readonly<Record<keyof typeof STEPS, readonly string[]>> = {
  start: ["in_progress", "no", "no", "no", "in_progress"],
  pause: ["no", "paused", "same", "no", "no"],
  resume: ["no", "same", "in_progress", "no", "no"],
  advance: ["no", "in_progress", "no", "no", "no"],
  rollBack: ["rolled_back", "rolled_back", "rolled_back", "rolled_back", "same"],
};

function outcome(step: Transition, rollout: Rollout): string {
  try {
    return step(rollout, 2_000_000)?.status ?? "same";
  } catch (error) {
    return isFlagError(error, "ROLLOUT_REFUSED") ? "no" : String(error);
  }
}

describe("the steps of a rollout", () => {
  it.each(Object.entries(TABLE))("%s leads only where it may", (name, expected) => {
    const step = STEPS[name as keyof typeof STEPS];
    expect(STATUSES.map((status) => outcome(step, aRollout({ status })))).toEqual(expected);
  });

  it("say in a refusal how it stands and what it takes", () => {
    expect(() => pause(aRollout({ status: "planned" }), 0)).toThrow(
      '"search" is planned: it can be paused only when it is in_progress.',
    );
  });

  it("begin at the first tier, and again there after a rollback, with the same salt", () => {
    const planned = aRollout({ status: "planned", tier: 0, steps: [] });
    expect(start(planned, 700_000)).toEqual({
      ...planned,
      status: "in_progress",
      tier: 0,
      steps: [{ tier: 0, at: 700_000 }],
    });
    const back = rollBack(aRollout({ salt: "common" }), 2_000_000);
    expect(back).toMatchObject({ status: "rolled_back", tier: 1, salt: "common" });
    const again = start(back ?? planned, 3_000_000);
    expect(again).toMatchObject({ status: "in_progress", tier: 0, salt: "common" });
    expect(again?.steps.at(-1)).toEqual({ tier: 0, at: 3_000_000 });
  });

  it("complete it at its target tier, be that the first", () => {
    const next = advance(aRollout(), 2_000_000);
    expect(next).toMatchObject({ status: "in_progress", tier: 2 });
    expect(advance(next ?? aRollout(), 2_000_001)).toMatchObject({ status: "completed", tier: 3 });
    expect(start(aRollout({ status: "planned", targetTier: 0 }), 0)).toMatchObject({
      status: "completed",
      tier: 0,
    });
  });

  it("never go back in time, and keep the last thousand steps", () => {
    expect(advance(aRollout(), 3)?.steps.at(-1)).toEqual({ tier: 2, at: 1_000_000 });
    let rollout = aRollout();
    for (let round = 0; round < 1_200; round += 1) {
      rollout = start(rollBack(rollout, round) ?? rollout, 2_000_000 + round) ?? rollout;
    }
    expect(rollout.steps).toHaveLength(1_000);
    expect(rollout.steps.at(-1)).toEqual({ tier: 0, at: 2_001_199 });
    expect(parseRollout(rolloutJson(rollout))).toEqual(rollout);
  });

  it("take it from one tenant once", () => {
    const one = rollBackFor({ kind: "customer", id: "cust_1" })(aRollout(), 0);
    expect(one).toEqual(aRollout({ deniedCustomers: ["cust_1"] }));
    expect(rollBackFor({ kind: "customer", id: "cust_1" })(one ?? aRollout(), 0)).toBeUndefined();
    const organization = rollBackFor({ kind: "organization", id: "org_1" })(aRollout(), 0);
    expect(organization).toEqual(aRollout({ deniedOrganizations: ["org_1"] }));
    const full = aRollout({ deniedCustomers: Array.from({ length: 10_000 }, (_, n) => `cust_${n}`) });
    expect(() => rollBackFor({ kind: "customer", id: "one more" })(full, 0)).toThrow(
      "Roll it back as a whole",
    );
  });

  it("leave a rollout that can be stored and read again, whatever their order", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...Object.values(STEPS)), fc.nat(10_000)), {
      maxLength: 40,
    });
    const property = fc.property(steps, (taken) => {
      let rollout = aRollout({ status: "planned", tier: 0, steps: [] });
      let now = 500_000;
      for (const [step, later] of taken) {
        now += later;
        try {
          rollout = step(rollout, now) ?? rollout;
        } catch (error) {
          expect(isFlagError(error, "ROLLOUT_REFUSED")).toBe(true);
        }
        expect(parseRollout(JSON.parse(JSON.stringify(rolloutJson(rollout))))).toEqual(rollout);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe("auditedState", () => {
  it("says what is served, which is nothing while planned or rolled back", () => {
    expect(auditedState(aRollout())).toEqual({ status: "in_progress", tier: "at_10", percentage: 10 });
    for (const status of ["planned", "rolled_back"] as const) {
      expect(auditedState(aRollout({ status }))).toEqual({ status, tier: "at_10", percentage: 0 });
    }
  });
});
