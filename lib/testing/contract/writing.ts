import assert from "node:assert/strict";
import { FlagError } from "../../feature-flags/core/errors.ts";
import { type LockedTenant, MAX_OVERRIDE_BYTES } from "../../feature-flags/core/storage.ts";
import { known, refused, spoil } from "./checks.ts";
import { contractCase, topic } from "./contract-case.ts";
import { wholeState } from "./whole-state.ts";
import {
  customer,
  flagsOf,
  leafChange,
  organization,
  put,
  remove,
  setting,
  WRITTEN_AT,
  write,
} from "./writes.ts";

export const writing = topic("writing", [
  contractCase("setting one flag keeps the others", async (storage) => {
    await storage.saveCustomerFlags("cust_1", { chat: { tabSync: true }, seats: 5 }, "ada");
    const second = await storage.saveCustomerFlags("cust_1", { chat: { retry: false } }, "bob");
    assert.equal(second.version, 2);
    const saved = await storage.getCustomerOverride("cust_1");
    assert.deepEqual(saved?.flags, { chat: { tabSync: true, retry: false }, seats: 5 });
    assert.equal(saved?.updatedBy, "bob");
    await storage.saveOrganizationFlags("cust_1", { chat: { tabSync: false } });
    await storage.saveOrganizationFlags("cust_1", { seats: 7 });
    const organizations = await storage.getOrganizationOverride("cust_1");
    assert.deepEqual(organizations?.flags, { chat: { tabSync: false }, seats: 7 });
    assert.equal(organizations?.updatedBy, undefined);
    assert.equal((await storage.getCustomerOverride("cust_1"))?.version, 2);
  }),

  contractCase("saving what is stored already changes nothing", async (storage) => {
    await storage.saveCustomerFlags("cust_1", { chat: { tabSync: true } }, "ada");
    const before = await wholeState(storage);
    const again = await storage.saveCustomerFlags("cust_1", { chat: { tabSync: true } }, "bob");
    assert.deepEqual(known(again), { version: 1, changes: [], audit: "written" });
    assert.deepEqual(await wholeState(storage), before);
  }),

  contractCase("removing a leaf leaves the others, and the version goes on", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true, seats: 5 });
    const removed = await remove(storage, customer("cust_1"), ["beta"]);
    assert.equal(removed.version, 2);
    assert.deepEqual((await storage.getCustomerOverride("cust_1"))?.flags, { seats: 5 });
    await remove(storage, customer("cust_1"), ["seats"]);
    assert.deepEqual(flagsOf(await storage.getCustomerOverride("cust_1")), {});
    assert.equal((await put(storage, customer("cust_1"), { beta: false })).version, 4);
    assert.deepEqual((await storage.getCustomerOverride("cust_1"))?.flags, { beta: false });
  }),

  contractCase("a write is answered with its version, its revision and its changes", async (storage) => {
    const before = await storage.readState();
    const written = await put(storage, customer("cust_1"), { beta: [1], seats: null });
    assert.equal(written.version, 1);
    assert.equal(written.revision, before.revision + 1);
    assert.equal(written.audit, "written");
    assert.deepEqual(written.changes.map(known), [
      { path: "beta", newValue: [1], newOverride: [1] },
      { path: "seats", newValue: null, newOverride: null },
    ]);
  }),

  contractCase(
    "decide is shown the tenant's override, its organization and that one's override",
    async (storage) => {
      const seen: LockedTenant[] = [];
      const watch = (current: LockedTenant) => {
        seen.push(current);
        return undefined;
      };
      await write(storage, customer("cust_1"), watch, { organizationId: "org_1" });
      await put(storage, organization("org_1"), { seats: 5 });
      await put(storage, customer("cust_1"), { beta: true });
      await write(storage, customer("cust_1"), watch, { organizationId: "org_1" });
      await write(storage, customer("cust_1"), watch);
      await write(storage, organization("org_1"), watch);
      const [fresh, named, unnamed, own] = seen;
      assert.deepEqual(
        [fresh?.own, fresh?.organizationId, fresh?.organization],
        [undefined, "org_1", undefined],
      );
      assert.deepEqual([flagsOf(named?.own), flagsOf(named?.organization)], [{ beta: true }, { seats: 5 }]);
      assert.equal(named?.own?.version, 1);
      assert.deepEqual([unnamed?.organizationId, unnamed?.organization], [undefined, undefined]);
      assert.deepEqual(flagsOf(own?.own), { seats: 5 });
      assert.deepEqual(
        seen.map((tenant) => tenant.customers.size),
        [0, 0, 0, 0],
      );
    },
  ),

  contractCase("decide is called once for each write", async (storage) => {
    let calls = 0;
    for (const tenant of [customer("one"), customer("one"), organization("one")]) {
      await write(storage, tenant, (current) => {
        calls += 1;
        return setting(current, { calls });
      });
    }
    await write(storage, customer("one"), () => {
      calls += 1;
      return undefined;
    });
    assert.equal(calls, 4);
  }),

  contractCase("a decision to change nothing writes nothing", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const before = await wholeState(storage);
    const kept = await write(storage, customer("cust_1"), () => undefined);
    assert.deepEqual(known(kept), { version: 1, changes: [], audit: "written" });
    const none = await write(storage, organization("org_1"), () => undefined);
    assert.deepEqual(known(none), { version: 0, changes: [], audit: "written" });
    assert.deepEqual(await wholeState(storage), before);
  }),

  contractCase(
    "what decide throws reaches the caller as the same object, and nothing is written",
    async (storage) => {
      await put(storage, customer("cust_1"), { beta: true });
      const before = await wholeState(storage);
      for (const thrown of [new FlagError("RULE_VIOLATED", "no"), new TypeError("a bug"), "a string"]) {
        const [outcome] = await Promise.allSettled([
          write(storage, customer("cust_1"), () => {
            throw thrown;
          }),
        ]);
        assert.equal(outcome.status, "rejected");
        assert.ok(outcome.status === "rejected" && outcome.reason === thrown, `${thrown} was replaced`);
      }
      assert.deepEqual(await wholeState(storage), before);
      assert.equal((await put(storage, customer("cust_1"), { beta: false })).version, 2);
    },
  ),

  contractCase(
    "an override of 1 MiB is stored, a larger one is refused and writes nothing",
    async (storage) => {
      const room = MAX_OVERRIDE_BYTES - JSON.stringify({ text: "" }).length;
      await put(storage, customer("cust_1"), { text: "x".repeat(room) });
      const before = await wholeState(storage);
      const tooLong = "x".repeat(room + 1);
      // Bytes, not characters: each of these takes two.
      const tooWide = "\u00e9".repeat(room / 2 + 1);
      for (const text of [tooLong, tooWide]) {
        await refused(put(storage, customer("cust_1"), { text }), "PATCH_TOO_LARGE");
        await refused(put(storage, organization("org_1"), { text }), "PATCH_TOO_LARGE");
        await refused(storage.saveCustomerFlags("cust_2", { text }), "PATCH_TOO_LARGE");
      }
      assert.deepEqual(await wholeState(storage), before);
    },
  ),

  contractCase("where the audit is required, so are an actor and a reason", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const before = await wholeState(storage);
    for (const tenant of [customer("cust_1"), organization("org_1")]) {
      for (const blank of [undefined, "", "  "]) {
        const nobody = { audit: "required", changedBy: blank } as const;
        const noReason = { audit: "required", reason: blank } as const;
        await refused(put(storage, tenant, { beta: false }, nobody), "ACTOR_REQUIRED");
        await refused(put(storage, tenant, { beta: false }, noReason), "REASON_REQUIRED");
      }
    }
    assert.deepEqual(await wholeState(storage), before);
    const written = await put(storage, customer("cust_1"), { beta: false }, { audit: "required" });
    assert.equal(written.audit, "written");
    assert.equal((await storage.listChanges({ limit: 10 })).length, 2);
  }),

  contractCase("the override says who wrote it last, and when", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    await put(
      storage,
      customer("cust_1"),
      { beta: false },
      { changedBy: undefined, changedAt: WRITTEN_AT + 1 },
    );
    const stored = await storage.getCustomerOverride("cust_1");
    assert.deepEqual([stored?.updatedAt, stored?.updatedBy], [WRITTEN_AT + 1, undefined]);
    // A clock that goes back is written down as it is: what orders changes is the revision.
    await put(storage, customer("cust_1"), { beta: 1 }, { changedBy: "bob", changedAt: WRITTEN_AT - 5 });
    const back = await storage.getCustomerOverride("cust_1");
    assert.deepEqual([back?.updatedAt, back?.updatedBy, back?.version], [WRITTEN_AT - 5, "bob", 3]);
  }),

  contractCase("what a writer keeps in hand cannot change what is stored", async (storage) => {
    const flags = { list: [{ deep: 1 }] };
    const change = leafChange("list", undefined, flags.list);
    const shown: LockedTenant[] = [];
    const written = await write(storage, customer("cust_1"), () => ({ flags, changes: [change] }));
    const attributes = { plan: "pro" };
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1", attributes }]);
    await put(storage, organization("org_1"), { list: [1] });
    const before = JSON.stringify(await wholeState(storage));
    const look = (current: LockedTenant) => {
      shown.push(current);
      return undefined;
    };
    await write(storage, customer("cust_1"), look);
    await write(storage, organization("org_1"), look, { withCustomers: true });
    for (const held of [flags, change, written, attributes, ...shown]) spoil(held);
    assert.equal(JSON.stringify(await wholeState(storage)), before);
  }),
]);
