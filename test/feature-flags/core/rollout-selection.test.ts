import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf } from "../../../lib/feature-flags/core/bucket.ts";
import type { RolloutStatus } from "../../../lib/feature-flags/core/rollout.ts";
import { selectRollout } from "../../../lib/feature-flags/core/rollout-selection.ts";

const base = {
  unit: "customer",
  salt: "tab-sync",
  status: "in_progress",
  tiers: [{ name: "some", percentage: 50, minimumAge: 0, minimumEvents: 0 }],
  tier: 0,
  allowedCustomers: ["friend", "foe", "mole"],
  deniedCustomers: ["foe"],
  deniedOrganizations: ["rivals"],
} as const;

const at = (percentage: number) => [{ name: "now", percentage, minimumAge: 0, minimumEvents: 0 }];

describe("selectRollout", () => {
  it("lets the percentage decide, and says where the unit lies", () => {
    for (let n = 0; n < 200; n += 1) {
      const bucket = bucketOf("tab-sync", `cust_${n}`);
      expect(selectRollout(base, { customerId: `cust_${n}` })).toEqual({
        enabled: bucket < 50_000,
        because: "percentage",
        bucket,
        threshold: 50_000,
      });
    }
  });

  it("denies before it allows, and allows before the percentage", () => {
    const none = { ...base, tiers: at(0) };
    const all = { ...base, tiers: at(100) };
    expect(selectRollout(none, { customerId: "friend" })).toMatchObject({
      enabled: true,
      because: "allowed",
    });
    expect(selectRollout(all, { customerId: "foe" })).toMatchObject({ enabled: false, because: "denied" });
    expect(selectRollout(all, { customerId: "mole", organizationId: "rivals" })).toMatchObject({
      enabled: false,
      because: "denied",
    });
    expect(selectRollout(all, { organizationId: "rivals" })).toMatchObject({ because: "denied" });
  });

  it.each([
    ["planned", true, false],
    ["in_progress", true, true],
    ["paused", true, true],
    ["completed", true, true],
    ["rolled_back", false, false],
  ] as const)("while %s serves those allowed: %s, and its percentage: %s", (status, allowed, others) => {
    const rollout = { ...base, status, tiers: at(100) };
    expect(selectRollout(rollout, { customerId: "friend" }).enabled).toBe(allowed);
    const stranger = selectRollout(rollout, { customerId: "stranger" });
    expect(stranger).toMatchObject({ enabled: others, because: others ? "percentage" : "status" });
    expect(stranger.threshold).toBe(others ? 100_000 : 0);
  });

  it("serves all customers of an organization or none where that is the unit", () => {
    const rollout = { ...base, unit: "organization" } as const;
    for (let org = 0; org < 50; org += 1) {
      const ids = { organizationId: `org_${org}` };
      const alone = selectRollout(rollout, ids);
      for (let n = 0; n < 20; n += 1) {
        expect(selectRollout(rollout, { ...ids, customerId: `cust_${n}` })).toEqual(alone);
      }
    }
  });

  it("has no unit for whoever lacks the id it asks for, short of everybody", () => {
    const organizations = { ...base, unit: "organization", tiers: at(99.999) } as const;
    const lacking = { enabled: false, because: "no unit", bucket: undefined, threshold: 99_999 };
    expect(selectRollout(organizations, { customerId: "stranger" })).toEqual(lacking);
    expect(selectRollout(organizations, { customerId: "friend" }).because).toBe("allowed");
    expect(selectRollout({ ...base, tiers: at(99.999) }, { organizationId: "org" })).toEqual(lacking);
    expect(selectRollout(base, {}).because).toBe("no unit");
  });

  it("serves everybody at 100 %, also those without an id", () => {
    const everybody = { ...base, unit: "organization", tiers: at(100) } as const;
    for (const ids of [{}, { customerId: "stranger" }, { organizationId: "org" }]) {
      expect(selectRollout(everybody, ids)).toMatchObject({ enabled: true, because: "percentage" });
    }
    expect(selectRollout({ ...everybody, status: "planned" }, {}).enabled).toBe(false);
  });

  it("keeps whoever was in at each of 100 steps, and lets in nobody at 0 and all at 100 %", () => {
    const ids = Array.from({ length: 2_000 }, (_, n) => `cust_${n}`);
    let before = new Set<string>();
    for (let percentage = 0; percentage <= 100; percentage += 1) {
      const rollout = { ...base, tiers: at(percentage) };
      const now = new Set(ids.filter((customerId) => selectRollout(rollout, { customerId }).enabled));
      expect([...before].filter((id) => !now.has(id))).toEqual([]);
      if (percentage === 0) expect(now.size).toBe(0);
      before = now;
    }
    expect(before.size).toBe(ids.length);
  });

  it("moves by steps of 0.001 %", () => {
    const bucket = bucketOf("tab-sync", "cust_1");
    const until = { ...base, tiers: at(bucket / 1_000) };
    const after = { ...base, tiers: at((bucket + 1) / 1_000) };
    expect(selectRollout(until, { customerId: "cust_1" }).enabled).toBe(false);
    expect(selectRollout(after, { customerId: "cust_1" }).enabled).toBe(true);
    for (let step = 0; step <= 100_000; step += 7) {
      expect(selectRollout({ ...base, tiers: at(step / 1_000) }, { customerId: "x" }).threshold).toBe(step);
    }
  });

  it("chooses the same people with the same salt, and the same ones after a rollback and restart", () => {
    const statuses: readonly RolloutStatus[] = ["in_progress", "paused", "completed"];
    for (let n = 0; n < 500; n += 1) {
      const answers = statuses.map((status) =>
        selectRollout({ ...base, status }, { customerId: `cust_${n}` }),
      );
      expect(new Set(answers.map(({ enabled }) => enabled)).size).toBe(1);
    }
  });

  it("finds ids in lists of any length", () => {
    const property = fc.property(fc.uniqueArray(fc.string(), { maxLength: 60 }), fc.string(), (list, id) => {
      const rollout = { ...base, tiers: at(0), allowedCustomers: list, deniedCustomers: [] };
      for (const customerId of [...list, id]) {
        expect(selectRollout(rollout, { customerId }).enabled).toBe(list.includes(customerId));
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});
