import assert from "node:assert/strict";
import { known, spoil } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { HOSTILE_IDS } from "./hostile-ids.ts";
import { DIFFICULT_VALUES } from "./values.ts";
import { allChanges, wholeState } from "./whole-state.ts";
import { customer, flagsOf, organization, put, WRITTEN_AT } from "./writes.ts";

export const reading = topic("reading", [
  contractCase("a context is read with both overrides, the revision and the epoch", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const last = await put(storage, organization("org_1"), { seats: 5 }, { changedBy: undefined });
    const record = await storage.readTenant({ customerId: "cust_1", organizationId: "org_1" });
    assert.deepEqual(known(record.customer), {
      flags: { beta: true },
      version: 1,
      revision: (last.revision ?? 0) - 1,
      updatedAt: WRITTEN_AT,
      updatedBy: "ada",
    });
    assert.deepEqual(known(record.organization), {
      flags: { seats: 5 },
      version: 1,
      revision: last.revision,
      updatedAt: WRITTEN_AT,
    });
    assert.equal(record.organizationId, "org_1");
    assert.deepEqual({ epoch: record.epoch, revision: record.revision }, await storage.readState());
  }),

  contractCase("a context that names nobody has no override", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const record = await storage.readTenant({});
    assert.equal(record.customer, undefined);
    assert.equal(record.organization, undefined);
    assert.equal(record.organizationId, undefined);
    assert.equal(record.revision, (await storage.readState()).revision);
  }),

  contractCase("ids never written have no override, and asking creates nothing", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const before = await wholeState(storage);
    const record = await storage.readTenant({ customerId: "cust_2", organizationId: "org_2" });
    assert.equal(record.customer, undefined);
    assert.equal(record.organization, undefined);
    assert.equal(record.organizationId, "org_2");
    assert.equal(await storage.getCustomerOverride("cust_2"), undefined);
    assert.equal(await storage.getOrganizationOverride("cust_1"), undefined);
    assert.deepEqual(await storage.readOverrides([customer("cust_2"), organization("org_2")]), []);
    assert.deepEqual(await storage.lastChanges({ customerId: "cust_2", organizationId: "org_2" }), []);
    assert.deepEqual(await storage.listChanges({ customerId: "cust_2", limit: 10 }), []);
    assert.equal(await storage.findAdminKey("cust_2"), undefined);
    assert.deepEqual(await wholeState(storage), before);
  }),

  contractCase("a customer and an organization of the same id are two tenants", async (storage) => {
    await put(storage, customer("same"), { of: "customer" });
    await put(storage, organization("same"), { of: "organization" });
    assert.deepEqual(flagsOf(await storage.getCustomerOverride("same")), { of: "customer" });
    assert.deepEqual(flagsOf(await storage.getOrganizationOverride("same")), { of: "organization" });
    const record = await storage.readTenant({ customerId: "same", organizationId: "same" });
    assert.deepEqual(flagsOf(record.customer), { of: "customer" });
    assert.deepEqual(flagsOf(record.organization), { of: "organization" });
  }),

  contractCase("ids are exact, whatever characters they hold", async (storage) => {
    for (const [place, id] of HOSTILE_IDS.entries()) {
      await put(storage, customer(id), { place });
      await put(storage, organization(id), { place: -place - 1 });
    }
    for (const [place, id] of HOSTILE_IDS.entries()) {
      const record = await storage.readTenant({ customerId: id, organizationId: id });
      assert.deepEqual(flagsOf(record.customer), { place }, `customer ${id}`);
      assert.deepEqual(flagsOf(record.organization), { place: -place - 1 }, `organization ${id}`);
      assert.equal(record.customer?.version, 1, `customer ${id}`);
      assert.equal(record.organizationId, id);
      assert.deepEqual(flagsOf(await storage.getCustomerOverride(id)), { place });
      const events = await storage.listChanges({ customerId: id, limit: 10 });
      assert.deepEqual(
        events.map((event) => [event.customerId, event.newValue]),
        [[id, place]],
      );
    }
  }),

  contractCase("values come back exactly as JSON holds them", async (storage) => {
    await put(storage, customer("cust_1"), { ...DIFFICULT_VALUES, negativeZero: -0 });
    const expected = { ...DIFFICULT_VALUES, negativeZero: 0 };
    const record = await storage.readTenant({ customerId: "cust_1" });
    assert.deepEqual(record.customer?.flags, expected);
    assert.deepEqual((await storage.getCustomerOverride("cust_1"))?.flags, expected);
    assert.deepEqual((await storage.readOverrides([customer("cust_1")]))[0]?.flags, expected);
    assert.deepEqual((await storage.listOverrides({ limit: 1 })).overrides[0]?.flags, expected);
    const audited = (await allChanges(storage)).map((event) => [event.path, event.newOverride]);
    assert.deepEqual(Object.fromEntries(audited), expected);
  }),

  contractCase(
    "the overrides of many tenants come back together, those without one left out",
    async (storage) => {
      await put(storage, customer("cust_1"), { beta: true });
      await put(storage, organization("org_1"), { beta: false });
      await put(storage, customer("cust_2"), { beta: null });
      const unknown = Array.from({ length: 3_000 }, (_, n) => customer(`unknown_${n}`));
      const asked = [customer("cust_1"), ...unknown, organization("org_1"), organization("cust_1")];
      const found = await storage.readOverrides(asked);
      assert.deepEqual(
        found
          .map(({ tenant, flags, version }) => ({ tenant, flags, version }))
          .sort((a, b) => (a.tenant.id < b.tenant.id ? -1 : 1)),
        [
          { tenant: customer("cust_1"), flags: { beta: true }, version: 1 },
          { tenant: organization("org_1"), flags: { beta: false }, version: 1 },
        ],
      );
      assert.deepEqual(await storage.readOverrides([]), []);
    },
  ),

  contractCase("what is read cannot be used to change what is stored", async (storage) => {
    await storage.registerOrganizations([{ id: "org_1", name: "One", attributes: { plan: "pro" } }]);
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1", attributes: { tier: 1 } }]);
    await put(storage, customer("cust_1"), { list: [{ deep: { value: 1 } }], open: {} });
    await put(storage, organization("org_1"), { list: [1, 2] });
    const before = JSON.stringify(await wholeState(storage));
    spoil(await storage.readTenant({ customerId: "cust_1" }));
    spoil(await storage.getCustomerOverride("cust_1"));
    spoil(await storage.getOrganizationOverride("org_1"));
    spoil(await storage.listOverrides({ limit: 10 }));
    spoil(await storage.readOverrides([customer("cust_1"), organization("org_1")]));
    spoil(await storage.listChanges({ limit: 10 }));
    spoil(await storage.lastChanges({ customerId: "cust_1", organizationId: "org_1" }));
    spoil(await storage.readState());
    spoil(await storage.changesSince(0, 10));
    spoil(await storage.listOrganizations({ limit: 10 }));
    spoil(await storage.listCustomers({ limit: 10 }));
    spoil(await storage.countTenants());
    assert.equal(JSON.stringify(await wholeState(storage)), before);
  }),

  caseNeeding(["queries"], "an evaluation reads all it needs with one query", async (storage, harness) => {
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await put(storage, customer("cust_1"), { beta: true });
    await put(storage, organization("org_1"), { beta: false });
    const contexts = [
      { customerId: "cust_1", organizationId: "org_1" },
      { customerId: "cust_1", organizationId: "org_2" },
      { customerId: "cust_1" },
      { customerId: "unknown" },
      { organizationId: "org_1" },
      { customerId: "unknown", organizationId: "unknown" },
    ];
    for (const context of contexts) {
      const before = harness.queries();
      await storage.readTenant(context);
      assert.equal(harness.queries() - before, 1, `queries for ${JSON.stringify(context)}`);
    }
  }),

  caseNeeding(
    ["queries"],
    "many overrides take one query per kind of tenant at most",
    async (storage, harness) => {
      await put(storage, customer("cust_1"), { beta: true });
      await put(storage, organization("org_1"), { beta: false });
      const before = harness.queries();
      const customers = Array.from({ length: 1_000 }, (_, n) => customer(`cust_${n}`));
      const organizations = Array.from({ length: 1_000 }, (_, n) => organization(`org_${n}`));
      assert.equal((await storage.readOverrides([...customers, ...organizations])).length, 2);
      const queries = harness.queries() - before;
      assert.ok(queries <= 2, `${queries} queries for two kinds`);
    },
  ),
]);
