import { describe, expect, it } from "vitest";
import { bucketOf } from "../../../lib/feature-flags/core/bucket.ts";
import { PilotRolloutManager } from "../../../lib/rollout/pilot-manager.ts";
import { handMadeAccess } from "../hand-made-access.ts";

const ids = Array.from({ length: 3_000 }, (_, n) => `cust_${String(n).padStart(4, "0")}`);
const inAt = (percentage: number) => ids.filter((id) => bucketOf("search", id) < percentage * 1_000);

async function pilot(unit: "customer" | "organization" = "customer") {
  const access = handMadeAccess();
  const rollouts = new PilotRolloutManager({ flags: { rollouts: access }, checkEvery: 0 });
  const input = { featureName: "search", path: "beta.search", unit } as const;
  return { access, rollouts, input };
}

describe("the forecast", () => {
  it("names who would come in at a tier, by name or index", async () => {
    const { access, rollouts, input } = await pilot();
    await access.storage.registerCustomers(ids.map((id) => ({ id })));
    await rollouts.createRollout(input);
    await rollouts.startRollout("search");
    await rollouts.advanceRollout("search");
    const [before, after] = [inAt(1), inAt(10)];
    const forecast = await rollouts.forecast("search", "tier_2_early_adopters");
    expect(forecast).toEqual({
      ...{ featureName: "search", tier: "tier_2_early_adopters", percentage: 10, known: 3_000 },
      comesIn: { count: after.length - before.length, customers: after.filter((id) => !before.includes(id)) },
      ...{ alreadyIn: before.length, goesOut: 0, staysOut: 3_000 - after.length },
      excluded: { count: 0, customers: [] },
    });
    expect(await rollouts.forecast("search", 2)).toEqual(forecast);
    expect(await rollouts.forecast("search", 0)).toMatchObject({
      goesOut: before.length,
      comesIn: { count: 0 },
    });
    const all = await rollouts.forecast("search", 4);
    expect(all.comesIn.count).toBe(3_000 - before.length);
    expect(all.comesIn.customers).toHaveLength(1_000);
  });

  it("comes true", async () => {
    const { access, rollouts, input } = await pilot();
    await access.storage.registerCustomers(ids.map((id) => ({ id })));
    await rollouts.createRollout(input);
    await rollouts.startRollout("search");
    await rollouts.advanceRollout("search");
    const { comesIn, alreadyIn } = await rollouts.forecast("search", 2);
    await rollouts.advanceRollout("search");
    for (const id of comesIn.customers) expect(await rollouts.shouldEnableFeature("search", id)).toBe(true);
    const { customers } = await rollouts.getRolloutStats("search");
    expect(customers.enabled).toBe(comesIn.count + alreadyIn);
  });

  it("says who is kept out and by what", async () => {
    const { access, rollouts, input } = await pilot();
    await access.storage.registerOrganizations([{ id: "own-minded" }, { id: "rivals" }]);
    await access.storage.registerCustomers([
      { id: "denied" },
      { id: "free" },
      { id: "member", organizationId: "own-minded" },
      { id: "overridden" },
      { id: "rival", organizationId: "rivals" },
      { id: "unrelated" },
    ]);
    await access.storage.saveCustomerFlags("overridden", { beta: { search: false } });
    await access.storage.saveCustomerFlags("unrelated", { plan: "gold" });
    await access.storage.saveOrganizationFlags("own-minded", { beta: { search: true } });
    await rollouts.createRollout({ ...input, deniedCustomers: ["denied"], deniedOrganizations: ["rivals"] });
    expect(await rollouts.forecast("search", "tier_4_full")).toMatchObject({
      ...{ known: 6, alreadyIn: 0, staysOut: 0 },
      comesIn: { count: 2, customers: ["free", "unrelated"] },
      excluded: {
        count: 4,
        customers: [
          { customerId: "denied", by: "denied" },
          { customerId: "member", by: "organization override" },
          { customerId: "overridden", by: "customer override" },
          { customerId: "rival", by: "denied" },
        ],
      },
    });
  });

  it("goes by organizations where they are the unit", async () => {
    const { access, rollouts, input } = await pilot("organization");
    const customers = ids.map((id, n) => ({ id, organizationId: `org_${n % 30}` }));
    await access.storage.registerCustomers([...customers, { id: "alone" }]);
    await rollouts.createRollout(input);
    const orgs = Array.from({ length: 30 }, (_, n) => bucketOf("search", `org_${n}`)).filter(
      (at) => at < 50_000,
    );
    expect(await rollouts.forecast("search", "tier_3_general")).toMatchObject({
      known: 3_001,
      comesIn: { count: orgs.length * 100 },
      staysOut: 3_001 - orgs.length * 100,
    });
  });

  it("is of tiers and rollouts there are", async () => {
    const { rollouts, input } = await pilot();
    await rollouts.createRollout(input);
    await expect(rollouts.forecast("search", "tier_9")).rejects.toMatchObject({ code: "INVALID_PATCH" });
    await expect(rollouts.forecast("search", -1)).rejects.toMatchObject({ code: "INVALID_PATCH" });
    await expect(rollouts.forecast("serch", 0)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
