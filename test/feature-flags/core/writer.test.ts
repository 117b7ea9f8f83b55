import { describe, expect, it } from "vitest";
import { FlagSource } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { planFlags, planManager } from "../plan-flags.ts";

const customer = (id: string) => ({ kind: "customer", id }) as const;

describe("setting flags", () => {
  it("merges into what is stored, and tells version, revision, change and changes", async () => {
    const { manager, storage } = planManager({ newId: () => "change-1" });
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    const written = await manager.setCustomerFlags("cust_1", { limits: { maxSeats: 9 } }, "ada", "Pilot");
    expect(written).toEqual({
      version: 2,
      revision: 2,
      changeId: "change-1",
      audit: "written",
      changes: [
        { path: "limits.maxSeats", oldValue: 5, newValue: 9, oldOverride: undefined, newOverride: 9 },
      ],
    });
    expect((await storage.getCustomerOverride("cust_1"))?.flags).toEqual({
      plan: "gold",
      limits: { maxSeats: 9 },
    });
  });

  it("writes an audit row per leaf, under one change id, with who, when, why and for whom", async () => {
    const { manager, storage, clock } = planManager();
    await clock.advance(1_234);
    const change = { set: { plan: "gold", beta: { search: true } } };
    const meta = { changedBy: "key_1", onBehalfOf: "ada", reason: "Pilot" };
    const { changeId } = await manager.updateOverride(customer("cust_1"), change, meta);
    const rows = await storage.listChanges({ limit: 10 });
    expect(rows.map(({ path, position }) => [path, position])).toEqual([
      ["beta.search", 1],
      ["plan", 0],
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({
        ...meta,
        changeId,
        customerId: "cust_1",
        revision: 1,
        changedAt: clock.now(),
      });
      expect(row.organizationId).toBeUndefined();
    }
  });

  it("does nothing where nothing would change: no version, no revision, no audit row", async () => {
    const { manager, storage } = planManager();
    const nothing = { revision: undefined, changeId: undefined, changes: [], audit: "written" };
    expect(await manager.setCustomerFlags("cust_1", {})).toEqual({ version: 0, ...nothing });
    expect(await manager.unsetCustomerFlags("cust_1", ["plan"])).toEqual({ version: 0, ...nothing });
    await manager.setCustomerFlags("cust_1", { plan: "gold", limits: { regions: ["us"] } });
    expect(
      await manager.setCustomerFlags("cust_1", { limits: { regions: ["us"] }, plan: "gold" }),
    ).toMatchObject({ version: 1, ...nothing });
    expect(await storage.readState()).toMatchObject({ revision: 1 });
    expect(await storage.listChanges({ limit: 10 })).toHaveLength(2);
  });

  it("audits a flag pinned to the value it inherits", async () => {
    const { manager, storage } = planManager();
    const { version, changes } = await manager.setCustomerFlags("cust_1", { plan: "free" });
    expect(version).toBe(1);
    expect(changes).toEqual([
      { path: "plan", oldValue: "free", newValue: "free", oldOverride: undefined, newOverride: "free" },
    ]);
    expect(await storage.listChanges({ limit: 10 })).toHaveLength(1);
    expect((await manager.getFlags({ customerId: "cust_1" })).sourceOf("plan")).toBe("customer_override");
  });

  it("under first-match, audits the organization's values that a first override hides, and gives back", async () => {
    const { manager, storage } = planManager({ definition: planFlags("first-match") });
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await manager.setOrganizationFlags("org_1", { plan: "team", limits: { maxSeats: 50 } });
    const hidden = await manager.setCustomerFlags("cust_1", { beta: { search: true } });
    expect(hidden.changes).toEqual([
      { path: "beta.search", oldValue: false, newValue: true, oldOverride: undefined, newOverride: true },
      { path: "limits.maxSeats", oldValue: 50, newValue: 5, oldOverride: undefined, newOverride: undefined },
      { path: "plan", oldValue: "team", newValue: "free", oldOverride: undefined, newOverride: undefined },
    ]);
    const back = await manager.unsetCustomerFlags("cust_1", ["beta.search"]);
    expect(back.changes.map(({ path, oldValue, newValue }) => [path, oldValue, newValue])).toEqual([
      ["beta.search", true, false],
      ["limits.maxSeats", 5, 50],
      ["plan", "free", "team"],
    ]);
    expect(await storage.listChanges({ customerId: "cust_1", limit: 10 })).toHaveLength(6);
  });

  it("goes by the organization that the caller names, where the directory knows none", async () => {
    const { manager } = planManager();
    await manager.setOrganizationFlags("org_1", { beta: { search: true } });
    await expect(manager.setCustomerFlags("cust_1", { beta: { sync: true } })).rejects.toMatchObject({
      code: "RULE_VIOLATED",
    });
    const named = { organizationId: "org_1" };
    const written = await manager.setCustomerFlags("cust_1", { beta: { sync: true } }, "ada", "x", named);
    expect(written.version).toBe(1);
  });
});

describe("unsetting flags", () => {
  it("takes out a leaf or a branch, which then inherit", async () => {
    const { manager, storage } = planManager();
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    await manager.setCustomerFlags("cust_1", { plan: "gold", limits: { maxSeats: 9, minSeats: 2 } });
    await manager.unsetCustomerFlags("cust_1", ["limits"], "ada", "Back to normal");
    expect((await storage.getCustomerOverride("cust_1"))?.flags).toEqual({ plan: "gold" });
    const { changes } = await manager.unsetCustomerFlags("cust_1", ["plan"], "ada", "Same", {
      organizationId: "org_1",
    });
    expect(changes).toEqual([
      { path: "plan", oldValue: "gold", newValue: "team", oldOverride: "gold", newOverride: undefined },
    ]);
    const evaluation = await manager.getFlags({ customerId: "cust_1", organizationId: "org_1" });
    expect(evaluation).toMatchObject({ source: FlagSource.ORGANIZATION_OVERRIDE, config: { plan: "team" } });
  });

  it("repairs a stored leaf that does not fit the definition", async () => {
    const { manager, storage } = planManager();
    await storage.saveCustomerFlags("cust_1", { limits: { maxSeats: "many" }, plan: "gold" });
    const { version, changes } = await manager.unsetCustomerFlags("cust_1", ["limits.maxSeats"]);
    expect(version).toBe(2);
    expect(changes).toEqual([
      { path: "limits.maxSeats", oldValue: 5, newValue: 5, oldOverride: "many", newOverride: undefined },
    ]);
    expect((await storage.getCustomerOverride("cust_1"))?.flags).toEqual({ plan: "gold" });
    expect((await manager.getFlags({ customerId: "cust_1" })).mismatches).toEqual([]);
  });
});

describe("a version that is expected", () => {
  it("refuses a write on any other, and writes nothing", async () => {
    const { manager, storage } = planManager();
    const set = (plan: string, ifVersion: number) =>
      manager.setCustomerFlags("cust_1", { plan }, "ada", "x", { ifVersion });
    await expect(set("a", 1)).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      details: { expected: 1, actual: 0 },
      message: 'The override of customer "cust_1" is at version 0, not 1. Read it again, then decide.',
    });
    expect((await set("a", 0)).version).toBe(1);
    await expect(set("b", 0)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect((await set("b", 1)).version).toBe(2);
    await expect(set("b", 1)).rejects.toMatchObject({ details: { expected: 1, actual: 2 } });
    expect(await storage.readState()).toMatchObject({ revision: 2 });
    expect(await storage.listChanges({ limit: 10 })).toHaveLength(2);
  });

  it("is kept by an override whose last flag was unset", async () => {
    const { manager } = planManager();
    await manager.setCustomerFlags("cust_1", { plan: "a" });
    await manager.unsetCustomerFlags("cust_1", ["plan"]);
    await expect(
      manager.setCustomerFlags("cust_1", { plan: "b" }, "ada", "x", { ifVersion: 0 }),
    ).rejects.toMatchObject({ code: "VERSION_CONFLICT", details: { actual: 2 } });
  });
});

describe("a rule", () => {
  it("refuses a change that breaks it, and not one that repairs something else meanwhile", async () => {
    const { manager, storage } = planManager();
    await expect(manager.setCustomerFlags("cust_1", { beta: { sync: true } })).rejects.toMatchObject({
      code: "RULE_VIOLATED",
      path: "beta.sync",
      message: "beta.sync needs beta.search. Turn beta.search on, or beta.sync off.",
    });
    await storage.saveCustomerFlags("cust_2", { beta: { sync: true } });
    expect((await manager.setCustomerFlags("cust_2", { plan: "gold" })).version).toBe(2);
    const { error, violations } = await manager.getFlags({ customerId: "cust_2" });
    expect([error, violations.map(({ path }) => path)]).toEqual([undefined, ["beta.sync"]]);
    expect(manager.getStats().violations).toBe(1);
  });

  it("is checked over the environment's config, not over the bare defaults", async () => {
    const { manager } = planManager({ environment: "staging" });
    expect((await manager.setCustomerFlags("cust_1", { beta: { sync: true } })).version).toBe(1);
    await expect(manager.setCustomerFlags("cust_1", { beta: { search: false } })).rejects.toMatchObject({
      code: "RULE_VIOLATED",
    });
  });

  it("under cascade, refuses an organization's change that breaks it for customers, naming ten", async () => {
    const { manager, storage } = planManager();
    const ids = Array.from({ length: 12 }, (_, index) => `cust_${String(index).padStart(2, "0")}`);
    await storage.registerCustomers(ids.map((id) => ({ id, organizationId: "org_1" })));
    await manager.setOrganizationFlags("org_1", { beta: { search: true } });
    for (const id of ids) await manager.setCustomerFlags(id, { beta: { sync: true } });
    const { revision } = await storage.readState();
    await expect(manager.unsetOrganizationFlags("org_1", ["beta.search"])).rejects.toMatchObject({
      code: "RULE_VIOLATED",
      path: "beta.sync",
      details: { customers: ids.slice(0, 10), count: 12 },
      message: expect.stringMatching(
        /^This would break a rule for 12 of its customers \(cust_00, .*cust_09 and 2 more\): /,
      ),
    });
    expect((await storage.readState()).revision).toBe(revision);
    expect((await manager.setOrganizationFlags("org_1", { plan: "team" })).version).toBe(2);
  });

  it("under cascade, does not refuse for what was broken before, or for another organization's customers", async () => {
    const { manager, storage } = planManager();
    await storage.registerCustomers([
      { id: "cust_1", organizationId: "org_1" },
      { id: "cust_2", organizationId: "org_12" },
    ]);
    await storage.saveCustomerFlags("cust_1", { beta: { sync: true } });
    await manager.setOrganizationFlags("org_12", { beta: { search: true } });
    await manager.setCustomerFlags("cust_2", { beta: { sync: true } });
    expect((await manager.setOrganizationFlags("org_1", { beta: { search: false } })).version).toBe(1);
  });

  it("under first-match, does not look at the customers, who see nothing of their organization", async () => {
    const { manager, storage } = planManager({ definition: planFlags("first-match") });
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await manager.setCustomerFlags("cust_1", { beta: { search: true, sync: true } });
    expect((await manager.setOrganizationFlags("org_1", { beta: { search: false } })).version).toBe(1);
  });
});

it("lets a customer set a flag that its organization's override has wrong", async () => {
  const { manager, storage } = planManager();
  await storage.saveOrganizationFlags("org_1", { limits: { maxSeats: "many" } });
  const organization = { organizationId: "org_1" };
  const written = await manager.setCustomerFlags(
    "cust_1",
    { limits: { maxSeats: 9 } },
    "a",
    "b",
    organization,
  );
  expect(written.version).toBe(1);
});

it("lets an override with more faults than are listed be repaired one by one", async () => {
  const { manager, storage } = planManager();
  const gone = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`gone${index}`, 1]));
  await storage.saveCustomerFlags("cust_1", { plan: 7, ...gone, note: [1], beta: 3 });
  expect((await manager.setCustomerFlags("cust_1", { plan: "gold" })).version).toBe(2);
  expect((await manager.setCustomerFlags("cust_1", { beta: { search: true } })).version).toBe(3);
});

it("takes a key that only reads like the path of a flag for no fault of the change", async () => {
  const { manager, storage } = planManager();
  await storage.saveCustomerFlags("cust_1", { beta: { search: true }, "beta.search": 7 });
  expect((await manager.setCustomerFlags("cust_1", { plan: "gold" })).version).toBe(2);
});

it("loses nothing of two hundred writers at once", async () => {
  const { manager, storage } = planManager({ storage: memoryStorage() });
  await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      manager.setCustomerFlags("cust_1", { labels: { [`n${index}`]: "x" }, limits: { maxSeats: index + 1 } }),
    ),
  );
  expect((await manager.getFlags({ customerId: "cust_1" })).version).toBe(200);
  expect(storage).toBeDefined();
});
