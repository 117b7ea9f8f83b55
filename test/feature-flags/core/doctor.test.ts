import { expect, it } from "vitest";
import { bucketOf } from "../../../lib/feature-flags/core/bucket.ts";
import { type Ailment, FeatureFlagManager } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { GARBAGE } from "../hostile-values.ts";
import { type PlanFlags, planFlags } from "../plan-flags.ts";
import { recordedLog } from "../recorded-log.ts";
import { storeRollout } from "../stored-rollouts.ts";

function managed(resolution: "first-match" | "cascade" = "cascade") {
  const storage = memoryStorage();
  const log = recordedLog();
  const manager = new FeatureFlagManager<PlanFlags>({
    definition: planFlags(resolution),
    storage,
    log,
    clock: manualClock(),
    environment: "production",
  });
  return { storage, manager, log };
}

async function ailments(manager: FeatureFlagManager<PlanFlags>): Promise<Ailment[]> {
  const found: Ailment[] = [];
  for await (const ailment of manager.ailingOverrides()) found.push(ailment);
  return found;
}

const summary = (found: readonly Ailment[]) =>
  found.map(({ tenant, mismatches, violations }) => [
    tenant.id,
    mismatches.map(({ path }) => path),
    violations.map(({ path }) => path),
  ]);

it("finds nothing wrong where nothing is", async () => {
  const { manager } = managed();
  await manager.setCustomerFlags("cust_1", { plan: "gold" });
  await manager.setOrganizationFlags("org_1", { beta: { search: true } });
  expect(await ailments(manager)).toEqual([]);
});

it("lists every override that does not fit or breaks a rule, with its version", async () => {
  const { manager, storage } = managed();
  await storage.saveCustomerFlags("cust_1", { plan: 7, gone: true });
  await storage.saveCustomerFlags("cust_2", { plan: "fine" });
  await storage.saveCustomerFlags("cust_3", { beta: { sync: true } });
  await storage.saveCustomerFlags("cust_3", { note: "again" });
  await storage.saveOrganizationFlags("org_1", { limits: { minSeats: 50 } });
  const found = await ailments(manager);
  expect(summary(found)).toEqual([
    ["cust_1", ["plan", "gone"], []],
    ["cust_3", [], ["beta.sync"]],
    ["org_1", [], ["limits.minSeats"]],
  ]);
  expect(found.map(({ version, tenant }) => [version, tenant.kind])).toEqual([
    [1, "customer"],
    [2, "customer"],
    [1, "organization"],
  ]);
});

it("under cascade, judges a customer together with its organization", async () => {
  const { manager, storage } = managed();
  await storage.registerCustomers([
    { id: "cust_1", organizationId: "org_1" },
    { id: "cust_2", organizationId: "org_2" },
  ]);
  await storage.saveOrganizationFlags("org_1", { beta: { search: true } });
  for (const id of ["cust_1", "cust_2"]) await storage.saveCustomerFlags(id, { beta: { sync: true } });
  expect(summary(await ailments(manager))).toEqual([["cust_2", [], ["beta.sync"]]]);
});

it("names a fault where it is: the organization's not at each of its customers again", async () => {
  const { manager, storage, log } = managed();
  const ids = Array.from({ length: 20 }, (_, index) => `cust_${index}`);
  await storage.registerCustomers(ids.map((id) => ({ id, organizationId: "org_1" })));
  for (const id of ids) await storage.saveCustomerFlags(id, { note: "x" });
  await storage.saveOrganizationFlags("org_1", { plan: 7 });
  expect(summary(await ailments(manager))).toEqual([["org_1", ["plan"], []]]);
  for (const customerId of ids) await manager.getFlags({ customerId });
  expect(log.lines.map(({ facts }) => facts)).toEqual([
    { organizationId: "org_1", layer: "organization_override", path: "plan", code: "TYPE_MISMATCH" },
  ]);
  expect(manager.getStats().mismatches).toBe(20);
});

it.each(["first-match", "cascade"] as const)("gets through any garbage under %s", async (resolution) => {
  const { manager, storage } = managed(resolution);
  const overrides = GARBAGE.map((flags, index) => ({
    tenant: { kind: "customer", id: `cust_${index}` } as const,
    ...{ flags, version: 1, revision: 1, updatedAt: 0, updatedBy: undefined },
  }));
  const damaged = new FeatureFlagManager<PlanFlags>({
    definition: manager.definition,
    storage: {
      ...storage,
      listOverrides: async () => ({ overrides, next: undefined }),
      readTenant: async (context) => ({
        ...(await storage.readTenant(context)),
        customer: overrides.find(({ tenant }) => tenant.id === context.customerId),
      }),
    },
    environment: "production",
  });
  const found = await ailments(damaged);
  expect(found.length).toBeGreaterThan(GARBAGE.length - 3);
  await damaged.close();
});

it("sees a customer through the rollouts that its organization decides about", async () => {
  const served = ["org_1", "org_2", "org_3", "org_4"].filter((id) => bucketOf("search", id) < 50_000);
  const [organizationId = ""] = served;
  for (const resolution of ["cascade", "first-match"] as const) {
    const { manager, storage } = managed(resolution);
    await storage.registerCustomers([{ id: "cust_1", organizationId }]);
    await storeRollout(storage, { unit: "organization" });
    await storage.saveCustomerFlags("cust_1", { beta: { sync: true } });
    expect((await manager.getFlags({ customerId: "cust_1" })).violations).toEqual([]);
    expect(summary(await ailments(manager))).toEqual([]);
  }
});
