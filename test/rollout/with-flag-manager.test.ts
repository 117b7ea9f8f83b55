import { afterEach, describe, expect, it } from "vitest";
import { FlagSource, type FlagStorage } from "../../lib/feature-flags/index.ts";
import { bucketOf, PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { planManager } from "../feature-flags/plan-flags.ts";

const search = { featureName: "search", path: "beta.search" } as const;
const everybody = [{ name: "all", percentage: 100 }];

let ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends) await end();
  ends = [];
});

/** Instances over one storage, each with its flag manager and its manager of rollouts. */
function fleet(count: number, storage: FlagStorage = memoryStorage()) {
  const clock = manualClock();
  const all = Array.from({ length: count }, (_, n) => {
    let ids = 0;
    const newId = () => {
      ids += 1;
      return `instance-${n}-${ids}`;
    };
    const { manager: flags } = planManager({ storage, clock, newId, random: () => (n + 1) / (count + 1) });
    const rollouts = new PilotRolloutManager({ flags });
    ends.push(async () => {
      await rollouts.close();
      await flags.close();
    });
    return { flags, rollouts };
  });
  const [first] = all;
  if (first === undefined) throw new Error("There is no instance.");
  return { storage, clock, all, ...first };
}

describe("a rollout, through evaluation", () => {
  it("is what shouldEnableFeature says, customer by customer", async () => {
    const { flags, rollouts, storage } = fleet(1);
    const customers = Array.from({ length: 200 }, (_, n) => ({
      id: `cust_${n}`,
      organizationId: `org_${n % 7}`,
    }));
    await storage.registerCustomers(customers);
    await rollouts.createRollout({
      ...search,
      ...{
        tiers: [{ name: "some", percentage: 30 }],
        allowedCustomers: ["cust_1"],
        deniedOrganizations: ["org_3"],
      },
    });
    await rollouts.startRollout("search");
    for (const { id, organizationId } of customers) {
      const evaluation = await flags.getFlags({ customerId: id });
      const served = organizationId !== "org_3" && (id === "cust_1" || bucketOf("search", id) < 30_000);
      expect(await rollouts.shouldEnableFeature("search", id)).toBe(served);
      expect(evaluation.config.beta.search).toBe(served);
      expect(evaluation.sourceOf("beta.search")).toBe(served ? FlagSource.ROLLOUT : FlagSource.DEFAULT);
    }
  });

  it("is taken back everywhere, once, when the errors that its exposures led to are too many", async () => {
    const { all, clock, flags, rollouts, storage } = fleet(3);
    const rollbackThreshold = { errorRate: 0.05, timeWindow: 600_000, minimumEvents: 20 };
    await rollouts.createRollout({ ...search, tiers: everybody, rollbackThreshold });
    await rollouts.startRollout("search");
    await clock.advance(5_000);
    for (let n = 0; n < 60; n += 1) {
      const customerId = `cust_${n}`;
      for (const each of all) await each.flags.getFlags({ customerId }, { exposure: true });
      if (n % 2 === 0) rollouts.recordEvent({ featureName: "search", customerId, event: "error" });
    }
    await clock.advance(1_100);
    expect(await rollouts.getRolloutStats("search")).toMatchObject({ exposures: 60, errors: 30 });
    await clock.advance(10_000);
    for (const each of all) {
      expect((await each.flags.getFlags({ customerId: "cust_1" })).config.beta.search).toBe(false);
      expect(await each.rollouts.shouldEnableFeature("search", "cust_1")).toBe(false);
    }
    const changes = await storage.listChanges({ featureName: "search", limit: 100 });
    expect(changes.map(({ changedBy }) => changedBy)).toEqual(["automatic rollback", undefined, undefined]);
    expect((await flags.explain({ customerId: "cust_1" }, "beta.search")).length).toBe(1);
  });

  it("exposes whom the evaluation was asked for, though its caller goes on with the same object", async () => {
    const { flags, rollouts, storage, clock } = fleet(1);
    await rollouts.createRollout({ ...search, tiers: everybody, deniedCustomers: ["cust_2"] });
    await rollouts.startRollout("search");
    const context = { customerId: "cust_1" };
    const asked = flags.getFlags(context, { exposure: true });
    context.customerId = "cust_2";
    await asked;
    await clock.advance(1_100);
    const window = { featureName: "search", since: 0, until: clock.now() + 1 };
    expect(await storage.countRolloutEvents(window)).toMatchObject([{ event: "enabled", count: 1 }]);
  });

  it("has an answer for a context that is none, exposed as well", async () => {
    const { flags } = fleet(1);
    for (const none of [null, 7, "cust_1"]) {
      const evaluation = await flags.getFlags(none as never, { exposure: true });
      expect(evaluation.error?.code).toBe("INVALID_ID");
    }
  });

  it("is looked after by a process that evaluates nothing itself", async () => {
    const storage = memoryStorage();
    const steering = fleet(1, storage);
    await steering.clock.advance(6_000);
    const asking = fleet(1, storage);
    const rollbackThreshold = { errorRate: 0.05, timeWindow: 600_000, minimumEvents: 20 };
    await asking.rollouts.createRollout({ ...search, tiers: everybody, rollbackThreshold });
    await asking.rollouts.startRollout("search");
    for (let n = 0; n < 40; n += 1) {
      asking.rollouts.recordEvent({ featureName: "search", customerId: `cust_${n}`, event: "error" });
    }
    await asking.rollouts.flush();
    await steering.clock.advance(10_000);
    expect(await steering.rollouts.getRolloutConfig("search")).toMatchObject({ status: "rolled_back" });
  });
});
