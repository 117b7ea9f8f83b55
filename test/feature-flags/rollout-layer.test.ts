import { describe, expect, it } from "vitest";
import { bucketOf } from "../../lib/feature-flags/core/bucket.ts";
import { rolloutJson } from "../../lib/feature-flags/core/rollout-parse.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { turn, unannounced } from "./held-storage.ts";
import { outageStorage } from "./outage-storage.ts";
import { planFlags, planManager } from "./plan-flags.ts";
import { halfRollout, storeRollout } from "./stored-rollouts.ts";

const ids = Array.from({ length: 200 }, (_, index) => `cust_${index}`);
const isIn = (id: string, below = 50_000, salt = "search") => bucketOf(salt, id) < below;
const [inside = "", outside = ""] = [ids.find((id) => isIn(id)), ids.find((id) => !isIn(id))];

describe("a rollout", () => {
  it("decides for those it serves, and is named as the source", async () => {
    const { manager, storage } = planManager();
    await storeRollout(storage);
    for (const customerId of ids) {
      const evaluation = await manager.getFlags({ customerId });
      const served = isIn(customerId);
      expect([evaluation.config.beta.search, evaluation.source]).toEqual([
        served,
        served ? "rollout" : "default",
      ]);
      expect(evaluation.sourceOf("beta.search")).toBe(served ? "rollout" : "default");
      expect(evaluation.sourceOf("plan")).toBe("default");
    }
    await manager.close();
  });

  it("loses against an override, of the customer or of its organization", async () => {
    const { manager, storage } = planManager();
    await storeRollout(storage);
    await manager.setCustomerFlags(inside, { beta: { search: false } });
    await manager.setOrganizationFlags("org_1", { beta: { search: false } });
    const own = await manager.getFlags({ customerId: inside });
    const others = ids.filter((id) => isIn(id) && id !== inside)[0] ?? "";
    const through = await manager.getFlags({ customerId: others, organizationId: "org_1" });
    expect([own.config.beta.search, own.sourceOf("beta.search")]).toEqual([false, "customer_override"]);
    expect([through.config.beta.search, through.sourceOf("beta.search")]).toEqual([
      false,
      "organization_override",
    ]);
    await manager.close();
  });

  it("under first-match is part of what an override is merged over", async () => {
    const { manager, storage } = planManager({ definition: planFlags("first-match") });
    await storeRollout(storage);
    await manager.setCustomerFlags(inside, { plan: "gold" });
    const evaluation = await manager.getFlags({ customerId: inside });
    expect(evaluation.config).toMatchObject({ plan: "gold", beta: { search: true } });
    expect([evaluation.source, evaluation.sourceOf("beta.search")]).toEqual(["customer_override", "rollout"]);
    await manager.close();
  });

  it("is over the environment", async () => {
    const { manager, storage } = planManager({ environment: "staging" });
    await storeRollout(storage, { value: false });
    const flags = async (customerId: string) => (await manager.getFlags({ customerId })).config.beta.search;
    expect([await flags(inside), await flags(outside)]).toEqual([false, true]);
    await manager.close();
  });

  it("by organization gives all customers of one the same, whether it is named or known", async () => {
    const { manager, storage } = planManager();
    await storeRollout(storage, { unit: "organization" });
    const organizationId = ["org_1", "org_2", "org_3", "org_4"].find((id) => isIn(id)) ?? "";
    await storage.registerCustomers(ids.slice(0, 20).map((id) => ({ id, organizationId })));
    for (const customerId of ids.slice(0, 20)) {
      expect((await manager.getFlags({ customerId })).config.beta.search).toBe(true);
      expect((await manager.getFlags({ customerId, organizationId })).config.beta.search).toBe(true);
    }
    expect((await manager.getFlags({ customerId: "nobody's" })).config.beta.search).toBe(false);
    expect((await manager.getFlags({ organizationId })).config.beta.search).toBe(true);
    await manager.close();
  });

  it("costs no query: one is read for each tenant, and the rollouts once", async () => {
    const outage = outageStorage(memoryStorage());
    for (let feature = 0; feature < 50; feature += 1) {
      await storeRollout(outage.storage, { featureName: `f${feature}`, salt: `f${feature}` });
    }
    const { manager } = planManager({ storage: outage.storage });
    outage.calls.length = 0;
    for (const customerId of ids) await manager.getFlags({ customerId });
    for (const customerId of ids) await manager.getFlags({ customerId });
    const count = (name: string) => outage.calls.filter((call) => call === name).length;
    expect([count("readTenant"), count("listRollouts")]).toEqual([ids.length, 1]);
    await manager.close();
  });

  it("is not asked for where there never was one", async () => {
    const outage = outageStorage(memoryStorage());
    const { manager } = planManager({ storage: outage.storage });
    for (const customerId of ids) await manager.getFlags({ customerId });
    expect(outage.calls).not.toContain("listRollouts");
    await manager.close();
  });

  it("lets tenants that it treats alike share one config, and one evaluation", async () => {
    const { manager, storage } = planManager({ preload: true });
    await storeRollout(storage);
    await manager.ready();
    const served = ids.filter((id) => isIn(id)).map((customerId) => manager.peek({ customerId }));
    expect(new Set(served.map((evaluation) => evaluation?.config)).size).toBe(1);
    expect(new Set(served).size).toBe(1);
    await manager.close();
  });
});

describe("a change of a rollout", () => {
  it.each([false, true])(
    "is seen at the next read once the feed has brought it (preload: %s)",
    async (preload) => {
      const storage = memoryStorage();
      const { manager } = planManager({ storage, preload });
      await manager.ready();
      const flags = async (customerId: string) => (await manager.getFlags({ customerId })).config.beta.search;
      expect([await flags(inside), await flags(outside)]).toEqual([false, false]);
      await storeRollout(storage);
      await turn();
      expect([await flags(inside), await flags(outside)]).toEqual([true, false]);
      expect(manager.peek({ customerId: inside })?.config.beta.search).toBe(true);
      await storeRollout(storage, { tier: 1, steps: [{ tier: 1, at: 0 }], status: "completed" });
      await turn();
      expect([await flags(inside), await flags(outside)]).toEqual([true, true]);
      await storeRollout(storage, { status: "rolled_back" });
      await turn();
      expect([await flags(inside), await flags(outside)]).toEqual([false, false]);
      await manager.close();
    },
  );

  it("ends the cached answers of those it concerns, and no others'", async () => {
    const outage = outageStorage(memoryStorage());
    const { manager } = planManager({ storage: outage.storage });
    await storeRollout(outage.storage);
    for (const customerId of ids) await manager.getFlags({ customerId });
    await storeRollout(outage.storage, {
      tiers: [{ name: "more", percentage: 60, minimumAge: 0, minimumEvents: 0 }],
      targetTier: 0,
    });
    await turn();
    outage.calls.length = 0;
    for (const customerId of ids) {
      const { config } = await manager.getFlags({ customerId });
      expect(config.beta.search).toBe(isIn(customerId, 60_000));
    }
    const comeIn = ids.filter((id) => isIn(id, 60_000) && !isIn(id, 50_000));
    expect(comeIn.length).toBeGreaterThan(0);
    expect(outage.calls.filter((call) => call === "readTenant")).toHaveLength(comeIn.length);
    await manager.close();
  });

  it("made here is committed and answered, though reading it back failed", async () => {
    const memory = memoryStorage();
    let failures = 0;
    const storage = {
      ...unannounced(memory),
      listRollouts: async () => {
        failures -= 1;
        if (failures >= 0) throw Object.assign(new Error("gone"), { name: "FlagError", code: "INTERNAL" });
        return await memory.listRollouts();
      },
    };
    const { manager } = planManager({ storage });
    await manager.getFlags({ customerId: inside });
    failures = 1;
    const written = await manager.rollouts.write({
      ...{
        featureName: "search",
        changeId: "1",
        changedBy: "ada",
        changedAt: 0,
        reason: "Pilot",
        audit: "required",
      },
      decide: () => ({
        rollout: rolloutJson(halfRollout),
        path: "beta.search",
        oldValue: undefined,
        newValue: {},
      }),
    });
    expect(written).toEqual({ version: 1, revision: 1 });
    const { config } = await manager.getFlags({ customerId: inside }, { atLeast: 1 });
    expect(config.beta.search).toBe(true);
    await manager.close();
  });

  it("is told to those who watch a tenant it concerns", async () => {
    const storage = memoryStorage();
    const { manager } = planManager({ storage });
    const told: unknown[] = [];
    manager.on("change", ({ changes }) => told.push(...changes), { customerId: inside });
    manager.on("change", () => told.push("nothing changed here"), { customerId: outside });
    await turn();
    await storeRollout(storage);
    await turn();
    expect(told).toMatchObject([{ path: "beta.search", oldValue: false, newValue: true }]);
    await manager.close();
  });

  it("reaches who reads a tenant anew before the feed has brought it", async () => {
    const storage = unannounced(memoryStorage());
    const { manager } = planManager({ storage });
    await manager.getFlags({ customerId: outside });
    const revision = await storeRollout(storage);
    expect((await manager.getFlags({ customerId: inside })).config.beta.search).toBe(true);
    const { config } = await manager.getFlags({ customerId: inside }, { atLeast: revision });
    expect(config.beta.search).toBe(true);
    await manager.close();
  });

  it("is part of what the audit trail says a tenant saw, though the feed has not brought it", async () => {
    const storage = unannounced(memoryStorage());
    const { manager } = planManager({ storage });
    await manager.getFlags({ customerId: outside });
    await storeRollout(storage);
    const { changes } = await manager.setCustomerFlags(inside, { beta: { search: false } });
    expect(changes).toMatchObject([{ path: "beta.search", oldValue: true, newValue: false }]);
    // The rule asks for search, which only the rollout gives.
    const other = ids.filter((id) => isIn(id))[1] ?? "";
    await manager.setCustomerFlags(other, { beta: { sync: true } });
    await expect(manager.setCustomerFlags(outside, { beta: { sync: true } })).rejects.toMatchObject({
      code: "RULE_VIOLATED",
    });
    await manager.close();
  });

  it("that cannot be read is an answer with an error, not one without the rollout", async () => {
    const memory = memoryStorage();
    await storeRollout(memory);
    const storage = {
      ...memory,
      listRollouts: () =>
        Promise.reject(Object.assign(new Error("gone"), { name: "FlagError", code: "INTERNAL" })),
    };
    const { manager } = planManager({ storage });
    const evaluation = await manager.getFlags({ customerId: inside });
    expect(evaluation.error?.code).toBe("INTERNAL");
    expect(manager.peek({ customerId: inside })).toBeUndefined();
    await manager.close();
  });
});
