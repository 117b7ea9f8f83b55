import { describe, expect, it } from "vitest";
import { FlagError } from "../../lib/feature-flags/index.ts";
import { bucketOf, PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import type { PlanFlags } from "../feature-flags/plan-flags.ts";
import { type HandMadeOptions, handMadeAccess } from "./hand-made-access.ts";

const search = { featureName: "search", path: "beta.search" } as const;

function pilot(options: HandMadeOptions = {}) {
  const access = handMadeAccess(options);
  const rollouts = new PilotRolloutManager<PlanFlags>({ flags: { rollouts: access } });
  const changes = async () =>
    (await access.storage.listChanges({ featureName: "search", limit: 100 })).toReversed();
  return { access, rollouts, changes };
}

describe("PilotRolloutManager", () => {
  it("takes a rollout from its plan to everybody, with an audit row for each step", async () => {
    const { access, rollouts, changes } = pilot();
    const meta = { changedBy: "ada", onBehalfOf: "team search", reason: "Pilot" };
    const created = await rollouts.createRollout({ ...search, allowedCustomers: ["friend"] }, meta);
    expect(created).toMatchObject({
      version: 1,
      revision: 1,
      changeId: "instance-1-1",
      rollout: { status: "planned" },
    });
    expect(await rollouts.shouldEnableFeature("search", "friend")).toBe(true);
    expect(await rollouts.shouldEnableFeature("search", "cust_1")).toBe(false);
    await rollouts.startRollout("search", meta);
    await rollouts.pauseRollout("search", meta);
    await rollouts.resumeRollout("search", meta);
    for (let step = 0; step < 4; step += 1) await rollouts.advanceRollout("search", meta);
    expect(await rollouts.getRolloutConfig("search")).toMatchObject({
      status: "completed",
      tier: 4,
      version: 8,
    });
    expect(await rollouts.shouldEnableFeature("search", "cust_1")).toBe(true);
    const rows = await changes();
    expect(rows.map(({ newValue }) => Object.values(newValue as object))).toEqual([
      ["planned", "tier_0_disabled", 0],
      ["in_progress", "tier_0_disabled", 0],
      ["paused", "tier_0_disabled", 0],
      ["in_progress", "tier_0_disabled", 0],
      ["in_progress", "tier_1_internal", 1],
      ["in_progress", "tier_2_early_adopters", 10],
      ["in_progress", "tier_3_general", 50],
      ["completed", "tier_4_full", 100],
    ]);
    rows.forEach((row, at) => {
      expect(row).toMatchObject({ ...meta, path: "beta.search", featureName: "search" });
      expect(row.oldValue).toEqual(rows[at - 1]?.newValue);
    });
    expect((await access.storage.listOverrides({ limit: 10 })).overrides).toEqual([]);
    await rollouts.close();
    expect(access.clock.timers()).toBe(0);
  });

  it("serves by the percentage, and the same people after a rollback and restart", async () => {
    const { rollouts } = pilot();
    await rollouts.createRollout({
      ...search,
      tiers: [
        { name: "some", percentage: 25 },
        { name: "all", percentage: 100 },
      ],
    });
    await rollouts.startRollout("search");
    const served = async () => {
      const ids = Array.from({ length: 400 }, (_, n) => `cust_${n}`);
      const answers = await Promise.all(ids.map((id) => rollouts.shouldEnableFeature("search", id)));
      return ids.filter((_, n) => answers[n]);
    };
    const before = await served();
    expect(before).toEqual(
      Array.from({ length: 400 }, (_, n) => `cust_${n}`).filter((id) => bucketOf("search", id) < 25_000),
    );
    await rollouts.rollbackFeature("search", "It hurts", { changedBy: "ada" });
    expect(await served()).toEqual([]);
    await rollouts.startRollout("search");
    expect(await served()).toEqual(before);
  });

  it("takes it from one tenant alone, and says whose it was in the audit trail", async () => {
    const { access, rollouts, changes } = pilot();
    await access.storage.registerCustomers([{ id: "member", organizationId: "org_1" }]);
    await rollouts.createRollout({ ...search, tiers: [{ name: "all", percentage: 100 }] });
    await rollouts.startRollout("search");
    await rollouts.rollbackFeature("search", "Ticket 1", {
      changedBy: "ada",
      scope: { customerId: "cust_1" },
    });
    const again = await rollouts.rollbackFeature("search", "Ticket 1", { scope: { customerId: "cust_1" } });
    expect(again).toMatchObject({ version: 3, revision: undefined, changeId: undefined });
    expect(await rollouts.shouldEnableFeature("search", "cust_1")).toBe(false);
    expect(await rollouts.shouldEnableFeature("search", "member")).toBe(true);
    await rollouts.rollbackFeature("search", "Ticket 2", { scope: { organizationId: "org_1" } });
    expect(await rollouts.shouldEnableFeature("search", "member")).toBe(false);
    expect(await rollouts.shouldEnableFeature("search", "cust_2")).toBe(true);
    expect((await changes()).slice(-2)).toMatchObject([
      { customerId: "cust_1", organizationId: undefined, reason: "Ticket 1", newValue: { denied: "cust_1" } },
      { customerId: undefined, organizationId: "org_1", reason: "Ticket 2" },
    ]);
    for (const scope of [{}, { customerId: "a", organizationId: "b" }, undefined as never, null as never]) {
      const asked = rollouts.rollbackFeature("search", "", { scope: scope as { customerId: string } });
      if (scope === undefined) expect((await asked).rollout.status).toBe("rolled_back");
      else await expect(asked).rejects.toMatchObject({ code: "INVALID_PATCH" });
    }
  });

  it("agrees with evaluation where organizations are the unit, and asks the directory where an override hides it", async () => {
    const { access, rollouts } = pilot();
    const customers = Array.from({ length: 100 }, (_, n) => ({
      id: `cust_${n}`,
      organizationId: `org_${n % 10}`,
    }));
    await access.storage.registerCustomers(customers);
    await access.storage.saveCustomerFlags("cust_7", { beta: { search: false } });
    await rollouts.createRollout({
      ...search,
      unit: "organization",
      tiers: [{ name: "half", percentage: 50 }],
    });
    await rollouts.startRollout("search");
    for (const { id, organizationId } of customers) {
      expect(await rollouts.shouldEnableFeature("search", id)).toBe(
        bucketOf("search", organizationId) < 50_000,
      );
    }
    expect(await rollouts.shouldEnableFeature("search", "stranger")).toBe(false);
  });

  it("refuses a second rollout of a name, and of a flag, until the first is rolled back", async () => {
    const { rollouts } = pilot();
    await rollouts.createRollout(search);
    await expect(rollouts.createRollout({ ...search, path: "beta.sync" })).rejects.toMatchObject({
      code: "ROLLOUT_CONFLICT",
    });
    const other = { ...search, featureName: "other" } as const;
    await expect(rollouts.createRollout(other)).rejects.toMatchObject({
      ...{ code: "ROLLOUT_CONFLICT", path: "beta.search", details: { featureName: "search" } },
    });
    await rollouts.rollbackFeature("search");
    await rollouts.createRollout(other);
    await expect(rollouts.startRollout("search")).rejects.toMatchObject({ code: "ROLLOUT_CONFLICT" });
    expect((await rollouts.listRollouts()).map(({ featureName }) => featureName)).toEqual([
      "other",
      "search",
    ]);
  });

  it("refuses to advance with the reason", async () => {
    const { access, rollouts } = pilot();
    await rollouts.createRollout({
      ...search,
      tiers: [
        { name: "all", percentage: 100, minimumAge: 1_000, minimumEvents: 2 },
        { name: "still", percentage: 100 },
      ],
      rollbackThreshold: { errorRate: 0.05, timeWindow: 60_000, minimumEvents: 20 },
    });
    const refusal = async () => {
      const asked = rollouts.advanceRollout("search");
      return await asked.then(
        () => "advanced",
        (error) => `${error.code}: ${error.message}`,
      );
    };
    expect(await refusal()).toContain('ROLLOUT_REFUSED: "search" does not advance: it is planned');
    await rollouts.startRollout("search");
    expect(await refusal()).toContain("0 of 1000 milliseconds");
    await access.clock.advance(1_000);
    expect(await refusal()).toContain('"all" has seen 0 of 2 events');
    rollouts.recordEvent({ featureName: "search", customerId: "a", event: "enabled" });
    rollouts.recordEvent({ featureName: "search", customerId: "a", event: "error" });
    await rollouts.flush();
    expect(await refusal()).toContain("an error rate of 50 %");
    await access.clock.advance(60_001);
    expect(await refusal()).toBe("advanced");
    await expect(rollouts.advanceRollout("serch")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("keeps to the version it was told", async () => {
    const { rollouts } = pilot();
    await rollouts.createRollout(search);
    await expect(rollouts.startRollout("search", { ifVersion: 2 })).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      details: { version: 1, ifVersion: 2 },
    });
    expect((await rollouts.startRollout("search", { ifVersion: 1 })).version).toBe(2);
  });

  it("asks for an actor and a reason where the audit is required, but not of what happens by itself", async () => {
    const { access, rollouts } = pilot({ audit: "required" });
    await expect(rollouts.createRollout(search)).rejects.toMatchObject({ code: "ACTOR_REQUIRED" });
    const meta = { changedBy: "ada", reason: "Pilot" };
    const tiers = [{ name: "all", percentage: 100 }];
    const rollbackThreshold = { errorRate: 0.05, timeWindow: 60_000, minimumEvents: 20 };
    await rollouts.createRollout({ ...search, tiers, rollbackThreshold }, meta);
    await rollouts.startRollout("search", meta);
    await expect(rollouts.rollbackFeature("search", undefined, { changedBy: "ada" })).rejects.toMatchObject({
      code: "REASON_REQUIRED",
    });
    for (let n = 0; n < 50; n += 1) {
      rollouts.recordEvent({ featureName: "search", customerId: `cust_${n}`, event: "error" });
    }
    await access.clock.advance(7_000);
    expect((await rollouts.getRolloutConfig("search"))?.status).toBe("rolled_back");
  });

  it("answers who asks for a flag with no, and nothing worse, whatever happens", async () => {
    const { access, rollouts } = pilot();
    await access.storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    access.gate = () => {
      throw new FlagError("STORAGE_UNAVAILABLE", "Storage is away.");
    };
    expect(await rollouts.shouldEnableFeature("search", "cust_1")).toBe(false);
    access.gate = () => {};
    await rollouts.createRollout({ ...search, tiers: [{ name: "all", percentage: 100 }] });
    await rollouts.startRollout("search");
    expect(await rollouts.shouldEnableFeature("search", "cust_1")).toBe(true);
    for (const id of ["", "x".repeat(256), "\u0000", 7 as never, undefined as never]) {
      expect(await rollouts.shouldEnableFeature("search", id)).toBe(false);
    }
    expect(await rollouts.shouldEnableFeature("serch", "cust_1")).toBe(false);
    expect(await rollouts.getRolloutConfig("serch")).toBeUndefined();
  });

  it("writes what waits when it is closed", async () => {
    const { access, rollouts } = pilot();
    await rollouts.createRollout({ ...search, allowedCustomers: ["friend"] });
    rollouts.recordEvent({ featureName: "search", customerId: "friend", event: "enabled" });
    await rollouts.close();
    const now = access.clock.now();
    const counts = await access.storage.countRolloutEvents({
      featureName: "search",
      since: 0,
      until: now + 1,
    });
    expect(counts).toMatchObject([{ event: "enabled", count: 1, tier: 0 }]);
    rollouts.recordEvent({ featureName: "search", customerId: "friend", event: "error" });
    expect(rollouts.getEventStats()).toMatchObject({ waiting: 0, written: 1, dropped: { closed: 1 } });
  });
});
