import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { refused } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { report } from "./instances.ts";
import { putRollout, rolloutEvent } from "./rollout-writes.ts";
import { wholeState } from "./whole-state.ts";
import { customer, organization, put } from "./writes.ts";

const KEY = { id: "one", role: "admin", name: "first", secretHash: "00", createdAt: 1 };

export const lifecycle = topic("lifecycle", [
  contractCase("a fresh storage is empty", async (storage) => {
    const { state, rollouts: _, ...rest } = await wholeState(storage);
    assert.deepEqual(rest, {
      feed: [],
      overrides: [],
      changes: [],
      organizations: [],
      customers: [],
      tenants: { organizations: 0, customers: 0 },
    });
    assert.deepEqual({ ...(await storage.readState()), epoch: "" }, { epoch: "", revision: 0 });
    assert.deepEqual(state, await storage.readState());
    const { epoch } = await storage.readState();
    assert.deepEqual({ ...(await storage.listRollouts()) }, { epoch, revision: 0, rollouts: [] });
  }),

  contractCase("its operations work taken off the object and spread into another", async (storage) => {
    const { writeOverride, getCustomerOverride } = storage;
    await put({ ...storage, writeOverride }, customer("cust_1"), { beta: true });
    const overlaid = { ...storage, saveOrganizationFlags: storage.saveCustomerFlags };
    await overlaid.saveOrganizationFlags("cust_1", { seats: 5 });
    await assert.doesNotReject(async () => {
      assert.deepEqual((await getCustomerOverride("cust_1"))?.flags, { beta: true, seats: 5 });
    });
  }),

  contractCase("after closing, every operation is refused as closed", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    await storage.close();
    for (const [name, call] of Object.entries(everyOperation(storage))) {
      const error = await refused(call());
      assert.equal(error.code, "CLOSED", name);
    }
  }),

  contractCase("closing twice is closing once", async (storage) => {
    await storage.close();
    await storage.close();
    await refused(storage.readState(), "CLOSED");
  }),

  caseNeeding(["reopen"], "closing and reopening keeps everything", async (storage, harness) => {
    await storage.registerOrganizations([{ id: "org_1", name: "One", attributes: { plan: "pro" } }]);
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await put(storage, customer("cust_1"), { beta: true });
    await put(storage, customer("cust_1"), { beta: null, list: [{}] });
    await put(storage, organization("org_1"), { seats: 5 });
    await storage.addFirstAdminKey(KEY);
    const before = await wholeState(storage);
    await storage.close();
    const reopened = await harness.reopen();
    assert.deepEqual(await wholeState(reopened), before);
    assert.deepEqual({ ...(await reopened.findAdminKey("one")) }, KEY);
    assert.equal(await reopened.addFirstAdminKey({ ...KEY, id: "two" }), false);
    await refused(storage.readState(), "CLOSED");
  }),

  caseNeeding(
    ["reopen"],
    "versions and revisions go on where they were, in the same epoch",
    async (storage, harness) => {
      const first = await put(storage, customer("cust_1"), { step: 1 });
      const { epoch } = await storage.readState();
      await storage.close();
      const reopened = await harness.reopen();
      const second = await put(reopened, customer("cust_1"), { step: 2 });
      assert.deepEqual([second.version, second.revision], [2, (first.revision ?? 0) + 1]);
      assert.equal((await reopened.readState()).epoch, epoch);
      const { events } = await reopened.changesSince(0, 10);
      assert.deepEqual(
        events.map((event) => event.revision),
        [first.revision, second.revision],
      );
    },
  ),
]);

function everyOperation(storage: FlagStorage): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    readTenant: () => storage.readTenant({ customerId: "cust_1" }),
    writeOverride: () => put(storage, customer("cust_1"), { beta: false }),
    getCustomerOverride: () => storage.getCustomerOverride("cust_1"),
    getOrganizationOverride: () => storage.getOrganizationOverride("org_1"),
    saveCustomerFlags: () => storage.saveCustomerFlags("cust_1", { beta: false }),
    saveOrganizationFlags: () => storage.saveOrganizationFlags("org_1", { beta: false }),
    listOverrides: () => storage.listOverrides({ limit: 10 }),
    readOverrides: () => storage.readOverrides([customer("cust_1")]),
    listChanges: () => storage.listChanges({ limit: 10 }),
    lastChanges: () => storage.lastChanges({ customerId: "cust_1" }),
    retryAudit: () => storage.retryAudit(),
    listRollouts: () => storage.listRollouts(),
    writeRollout: () => putRollout(storage, "one", {}),
    recordRolloutEvents: () => storage.recordRolloutEvents([rolloutEvent()]),
    countRolloutEvents: () => storage.countRolloutEvents({ featureName: "one", since: 0, until: 1 }),
    expireRolloutEvents: () => storage.expireRolloutEvents({ eventsBefore: 0, countsBefore: 0 }),
    takeLease: () => storage.takeLease({ name: "one", holder: "a", now: 0, until: 1 }),
    releaseLease: () => storage.releaseLease("one", "a"),
    readState: () => storage.readState(),
    changesSince: () => storage.changesSince(0, 10),
    reportInstance: () => storage.reportInstance(report({})),
    listInstances: () => storage.listInstances(0),
    removeInstances: () => storage.removeInstances("one", 0),
    registerOrganizations: () => storage.registerOrganizations([{ id: "org_1" }]),
    registerCustomers: () => storage.registerCustomers([{ id: "cust_1" }]),
    listOrganizations: () => storage.listOrganizations({ limit: 10 }),
    listCustomers: () => storage.listCustomers({ limit: 10 }),
    readCustomers: () => storage.readCustomers(["cust_1"]),
    countTenants: () => storage.countTenants(),
    findAdminKey: () => storage.findAdminKey("one"),
    addFirstAdminKey: () => storage.addFirstAdminKey(KEY),
  };
}
