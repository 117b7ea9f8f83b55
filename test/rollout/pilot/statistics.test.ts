import { describe, expect, it } from "vitest";
import { PilotRolloutManager } from "../../../lib/rollout/pilot-manager.ts";
import { handMadeAccess } from "../hand-made-access.ts";

const MINUTE = 60_000;

async function pilot() {
  const access = handMadeAccess();
  const rollouts = new PilotRolloutManager({ flags: { rollouts: access }, checkEvery: 0 });
  await rollouts.createRollout({
    featureName: "search",
    path: "beta.search",
    tiers: [
      { name: "half", percentage: 50 },
      { name: "all", percentage: 100 },
    ],
    allowedCustomers: ["friend"],
    rollbackThreshold: { errorRate: 0.5, timeWindow: 10 * MINUTE, minimumEvents: 1 },
  });
  return { access, rollouts };
}

describe("the statistics of a rollout", () => {
  it("say what was seen in the window, per tier and over time", async () => {
    const { access, rollouts } = await pilot();
    await access.storage.registerCustomers(Array.from({ length: 1_000 }, (_, n) => ({ id: `cust_${n}` })));
    await rollouts.startRollout("search");
    const start = access.clock.now();
    const served: string[] = [];
    for (let n = 0; served.length < 100; n += 1) {
      if (await rollouts.shouldEnableFeature("search", `cust_${n}`)) served.push(`cust_${n}`);
    }
    for (const customerId of served)
      rollouts.recordEvent({ featureName: "search", customerId, event: "enabled" });
    await access.clock.advance(5 * MINUTE);
    await rollouts.advanceRollout("search");
    const advanced = access.clock.now();
    for (const customerId of served.slice(0, 20)) {
      rollouts.recordEvent({ featureName: "search", customerId, event: "enabled" });
    }
    for (const customerId of served.slice(0, 5)) {
      rollouts.recordEvent({ featureName: "search", customerId, event: "error" });
      rollouts.recordEvent({ featureName: "search", customerId, event: "disabled" });
    }
    await rollouts.flush();

    const stats = await rollouts.getRolloutStats("search");
    expect(stats).toMatchObject({
      ...{ featureName: "search", status: "completed", tier: "all", percentage: 100 },
      ...{ exposures: 20, errors: 5, disabled: 5, errorRate: 0.2, successRate: 0.8 },
      interval: { low: expect.closeTo(0.0886, 4), high: expect.closeTo(0.3913, 4) },
      window: { since: advanced, until: advanced + 1 },
      customers: { known: 1_000, enabled: 1_000 },
      tiers: [
        { name: "half", percentage: 50, enteredAt: start, exposures: 100, errors: 0, errorRate: 0 },
        { name: "all", percentage: 100, enteredAt: advanced, exposures: 20, errors: 5, errorRate: 0.2 },
      ],
      overTime: [
        { minute: start, exposures: 100, errors: 0, disabled: 0 },
        { minute: advanced, exposures: 20, errors: 5, disabled: 5 },
      ],
    });
    expect(Object.isFrozen(stats)).toBe(true);
  });

  it("know nothing of rates without events", async () => {
    const { rollouts } = await pilot();
    expect(await rollouts.getRolloutStats("search")).toMatchObject({
      ...{ status: "planned", percentage: 0, exposures: 0, errors: 0 },
      ...{ errorRate: undefined, interval: undefined, successRate: undefined, overTime: [] },
    });
  });

  it("count the customers of many pages, those allowed among them", async () => {
    const { access, rollouts } = await pilot();
    const customers = Array.from({ length: 11_000 }, (_, n) => ({ id: `cust_${n}` }));
    await access.storage.registerCustomers([...customers, { id: "friend" }]);
    expect((await rollouts.getRolloutStats("search")).customers).toEqual({ known: 11_001, enabled: 1 });
    await rollouts.startRollout("search");
    const { known, enabled } = (await rollouts.getRolloutStats("search")).customers;
    expect(known).toBe(11_001);
    expect(Math.abs(enabled - 5_500)).toBeLessThan(200);
  });

  it("leave room for other work between the pages of a storage that never waits", async () => {
    const { access, rollouts } = await pilot();
    await access.storage.registerCustomers(Array.from({ length: 16_000 }, (_, n) => ({ id: `cust_${n}` })));
    let turns = 0;
    const count = () => {
      turns += 1;
      timer = setTimeout(count);
    };
    let timer = setTimeout(count);
    await rollouts.getRolloutStats("search");
    clearTimeout(timer);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it("cover the period they are asked for", async () => {
    const { access, rollouts } = await pilot();
    await rollouts.startRollout("search");
    rollouts.recordEvent({ featureName: "search", customerId: "friend", event: "enabled" });
    await access.clock.advance(30 * MINUTE);
    const seen = async (period?: number) =>
      (await rollouts.getRolloutStats("search", { period })).overTime.length;
    expect(await seen()).toBe(1);
    expect(await seen(30 * MINUTE)).toBe(1);
    expect(await seen(30 * MINUTE - 1)).toBe(0);
    expect(await seen(Number.NaN)).toBe(1);
    expect((await rollouts.getRolloutStats("search")).exposures).toBe(0);
  });

  it("are of rollouts there are", async () => {
    const { rollouts } = await pilot();
    await expect(rollouts.getRolloutStats("serch")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
