import assert from "node:assert/strict";
import type { LockedTenant, TenantRef } from "../../feature-flags/core/storage.ts";
import { known } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { customer, flagsOf, organization, put, write } from "./writes.ts";

export const directory = topic("directory", [
  contractCase("a customer's known organization is used where none is named", async (storage) => {
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }, { id: "cust_2" }]);
    await put(storage, organization("org_1"), { seats: 1 });
    await put(storage, organization("org_2"), { seats: 2 });
    const unnamed = await storage.readTenant({ customerId: "cust_1" });
    assert.deepEqual([unnamed.organizationId, flagsOf(unnamed.organization)], ["org_1", { seats: 1 }]);
    const named = await storage.readTenant({ customerId: "cust_1", organizationId: "org_2" });
    assert.deepEqual([named.organizationId, flagsOf(named.organization)], ["org_2", { seats: 2 }]);
    const unknown = await storage.readTenant({ customerId: "cust_1", organizationId: "org_3" });
    assert.deepEqual([unknown.organizationId, unknown.organization], ["org_3", undefined]);
    for (const customerId of ["cust_2", "cust_3"]) {
      const alone = await storage.readTenant({ customerId });
      assert.deepEqual([alone.organizationId, alone.organization], [undefined, undefined]);
    }
  }),

  contractCase("a writer too sees the known organization, or the one it names", async (storage) => {
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await put(storage, organization("org_1"), { seats: 1 });
    await put(storage, organization("org_2"), { seats: 2 });
    const seen: LockedTenant[] = [];
    for (const organizationId of [undefined, "org_2"]) {
      await write(storage, customer("cust_1"), (current) => void seen.push(current), { organizationId });
    }
    assert.deepEqual(
      seen.map((tenant) => [tenant.organizationId, flagsOf(tenant.organization)]),
      [
        ["org_1", { seats: 1 }],
        ["org_2", { seats: 2 }],
      ],
    );
  }),

  contractCase("a customer moves from one organization to another, and out of it", async (storage) => {
    for (const organizationId of ["org_1", "org_2", undefined]) {
      await storage.registerCustomers([{ id: "cust_1", name: "One", organizationId }]);
      assert.equal((await storage.readTenant({ customerId: "cust_1" })).organizationId, organizationId);
    }
    assert.deepEqual(await storage.countTenants(), { organizations: 0, customers: 1 });
    assert.deepEqual(await storage.listCustomers({ organizationId: "org_2", limit: 10 }), []);
  }),

  contractCase(
    "registering again replaces the whole record, and the last one of a bulk wins",
    async (storage) => {
      await storage.registerOrganizations([
        { id: "org_1", name: "One", attributes: { plan: "pro", seats: 5 } },
      ]);
      await storage.registerOrganizations([{ id: "org_1", attributes: { trial: true, until: null } }]);
      assert.deepEqual((await storage.listOrganizations({ limit: 10 })).map(known), [
        { id: "org_1", attributes: { trial: true, until: null } },
      ]);
      await storage.registerCustomers([
        { id: "cust_1", name: "First", organizationId: "org_1", attributes: { a: 1 } },
        { id: "cust_2", name: "Two" },
        { id: "cust_1", name: "Last", organizationId: "org_2" },
      ]);
      assert.deepEqual((await storage.listCustomers({ limit: 10 })).map(known), [
        { id: "cust_1", name: "Last", organizationId: "org_2" },
        { id: "cust_2", name: "Two" },
      ]);
    },
  ),

  contractCase(
    "an organization's writer sees the overrides of exactly its known customers",
    async (storage) => {
      await storage.registerCustomers([
        { id: "mine", organizationId: "org_1" },
        { id: "mine too", organizationId: "org_1" },
        { id: "without override", organizationId: "org_1" },
        { id: "moved away", organizationId: "org_1" },
        { id: "other", organizationId: "org_12" },
        { id: "nobody's" },
      ]);
      await storage.registerCustomers([{ id: "moved away", organizationId: "ORG_1" }]);
      for (const id of ["mine", "mine too", "moved away", "other", "nobody's", "unknown"]) {
        await put(storage, customer(id), { name: id }, { organizationId: "org_1" });
      }
      const seen: LockedTenant[] = [];
      const look = (tenant: TenantRef, withCustomers: boolean) =>
        write(storage, tenant, (current) => void seen.push(current), { withCustomers });
      await look(organization("org_1"), true);
      await look(organization("org_1"), false);
      await look(organization("org_2"), true);
      const [asked, notAsked, nobody] = seen.map((tenant) =>
        Object.fromEntries([...tenant.customers].map(([id, { flags, version }]) => [id, { flags, version }])),
      );
      assert.deepEqual(asked, {
        mine: { flags: { name: "mine" }, version: 1 },
        "mine too": { flags: { name: "mine too" }, version: 1 },
      });
      assert.deepEqual([notAsked, nobody], [{}, {}]);
    },
  ),

  contractCase(
    "twenty thousand customers register at once, as one revision, and are listed page by page",
    async (storage) => {
      const before = await storage.readState();
      const records = Array.from({ length: 20_000 }, (_, n) => ({
        id: `cust_${String(n).padStart(5, "0")}`,
        name: `Customer ${n}`,
        organizationId: `org_${n % 7}`,
        attributes: { n },
      }));
      await storage.registerCustomers(records);
      assert.equal((await storage.readState()).revision, before.revision + 1);
      assert.deepEqual(await storage.countTenants(), { organizations: 0, customers: 20_000 });
      const first = await storage.listCustomers({ limit: 10_000 });
      const second = await storage.listCustomers({ after: first.at(-1)?.id, limit: 10_000 });
      assert.deepEqual([...first, ...second].map(known), records);
      assert.deepEqual(await storage.listCustomers({ after: second.at(-1)?.id, limit: 10_000 }), []);
      assert.equal((await storage.readTenant({ customerId: "cust_19999" })).organizationId, "org_0");
    },
  ),

  contractCase(
    "the registered among some customers are read together, the others left out",
    async (storage) => {
      await storage.registerOrganizations([{ id: "org_1", name: "No customer" }]);
      await storage.registerCustomers([
        { id: "cust_1", name: "One", organizationId: "org_1", attributes: { plan: "pro" } },
        { id: "cust_2" },
        { id: "cust_3" },
      ]);
      const unknown = Array.from({ length: 3_000 }, (_, n) => `unknown_${n}`);
      const read = await storage.readCustomers(["cust_2", "CUST_3", "org_1", ...unknown, "cust_1"]);
      assert.deepEqual(read.map(known).sort(byId), [
        { id: "cust_1", name: "One", organizationId: "org_1", attributes: { plan: "pro" } },
        { id: "cust_2" },
      ]);
      assert.deepEqual(await storage.readCustomers([]), []);
    },
  ),

  caseNeeding(["queries"], "the registered among some customers take one query", async (storage, harness) => {
    await storage.registerCustomers([{ id: "cust_1" }, { id: "cust_2" }]);
    const before = harness.queries();
    await storage.readCustomers(Array.from({ length: 1_000 }, (_, n) => `cust_${n}`));
    assert.equal(harness.queries() - before, 1);
  }),
]);

function byId(left: Record<string, unknown>, right: Record<string, unknown>): number {
  return String(left["id"]) < String(right["id"]) ? -1 : 1;
}
