import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { known, within } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { HOSTILE_IDS } from "./hostile-ids.ts";
import { wholeFeed } from "./whole-state.ts";
import { customer, organization, put, write } from "./writes.ts";

const DEADLINE = 10_000;

export const feed = topic("feed", [
  contractCase("each change is one event that names its tenant", async (storage) => {
    const start = (await storage.readState()).revision;
    for (const id of HOSTILE_IDS) {
      await put(storage, customer(id), { beta: true });
      await put(storage, organization(id), { beta: true });
    }
    const page = await storage.changesSince(start, 1_000);
    assert.deepEqual(
      page.events.map(known),
      HOSTILE_IDS.flatMap((id, n) => [
        { revision: start + 2 * n + 1, scope: "customer", id },
        { revision: start + 2 * n + 2, scope: "organization", id },
      ]),
    );
    assert.deepEqual({ epoch: page.epoch, revision: page.revision }, await storage.readState());
  }),

  contractCase("pages of any size join without a gap", async (storage) => {
    for (let n = 0; n < 25; n += 1) await put(storage, customer(`cust_${n % 4}`), { n });
    const whole = await wholeFeed(storage, 1_000);
    assert.equal(whole.length, (await storage.readState()).revision);
    for (const limit of [1, 2, 7, 25]) {
      assert.deepEqual(await wholeFeed(storage, limit), whole);
      const page = await storage.changesSince(3, limit);
      assert.deepEqual(page.events, whole.slice(3, 3 + limit));
      assert.equal(page.revision, whole.length, "the newest revision is told with every page");
    }
  }),

  contractCase("a reader that has everything, or more, gets no events", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const state = await storage.readState();
    for (const ahead of [0, 1, 1_000_000]) {
      const page = await storage.changesSince(state.revision + ahead, 10);
      assert.deepEqual({ ...page }, { ...state, events: [] });
    }
  }),

  contractCase("what changes nothing is no event", async (storage) => {
    await storage.saveCustomerFlags("cust_1", { beta: true });
    const before = await storage.changesSince(0, 10);
    await storage.saveCustomerFlags("cust_1", { beta: true });
    await write(storage, organization("org_1"), () => undefined);
    await storage.registerCustomers([]);
    await storage.registerOrganizations([]);
    await storage.retryAudit();
    await storage.addFirstAdminKey({ id: "k", role: "admin", name: "first", secretHash: "00", createdAt: 1 });
    assert.deepEqual(await storage.changesSince(0, 10), before);
  }),

  contractCase("a registration is one event, for everything where it is about several", async (storage) => {
    const start = (await storage.readState()).revision;
    await storage.registerOrganizations([{ id: "org_1" }, { id: "org_2" }]);
    await storage.registerCustomers([{ id: "a", organizationId: "org_1" }, { id: "b" }]);
    await storage.registerCustomers([{ id: "a", organizationId: "org_2" }]);
    const { events, revision } = await storage.changesSince(start, 10);
    assert.equal(revision, start + 3);
    assert.deepEqual(events.slice(0, 2).map(known), [
      { revision: start + 1, scope: "everything" },
      { revision: start + 2, scope: "everything" },
    ]);
    // A storage may tell the one customer by name, which drops less from a cache.
    const { scope, id } = events[2] ?? {};
    assert.ok((scope === "customer" && id === "a") || scope === "everything", `${scope} ${id}`);
  }),

  contractCase("the epoch stays, and is another one for other data", async (storage) => {
    const { epoch } = await storage.readState();
    assert.notEqual(epoch, "");
    await put(storage, customer("cust_1"), { beta: true });
    assert.equal((await storage.readState()).epoch, epoch);
    assert.equal((await storage.readTenant({ customerId: "cust_1" })).epoch, epoch);
    assert.equal((await storage.changesSince(0, 1)).epoch, epoch);
  }),

  caseNeeding([], "a storage can be subscribed to where its harness says so", async (storage, harness) => {
    assert.equal(storage.subscribe !== undefined, harness.subscribes === true);
  }),

  caseNeeding(
    ["subscribes"],
    "a subscriber is told after the commit, and can read what it was told of",
    async (storage) => {
      const told = tellings(storage);
      const written = await put(storage, customer("cust_1"), { beta: true });
      await told.until(written.revision ?? 0);
      await storage.registerCustomers([{ id: "cust_1" }, { id: "cust_2" }]);
      await told.until((written.revision ?? 0) + 1);
      told.leave();
    },
  ),

  caseNeeding(
    ["subscribes"],
    "a subscriber that leaves is told no more, the others still are",
    async (storage) => {
      let calls = 0;
      const leave = storage.subscribe?.(() => {
        calls += 1;
      });
      const staying = tellings(storage);
      const first = await put(storage, customer("cust_1"), { beta: true });
      await staying.until(first.revision ?? 0);
      leave?.();
      leave?.();
      const callsBefore = calls;
      const second = await put(storage, customer("cust_1"), { beta: false });
      await staying.until(second.revision ?? 0);
      staying.leave();
      assert.equal(calls, callsBefore);
    },
  ),
]);

/** A subscriber that reads the feed whenever it was told, and so knows which revision it has seen. */
export function tellings(storage: FlagStorage) {
  let seen = 0;
  let told = Promise.withResolvers<void>();
  assert.ok(storage.subscribe !== undefined, "the harness says that this storage can be subscribed to");
  const leave = storage.subscribe(() => told.resolve());
  return {
    leave,
    async until(revision: number): Promise<void> {
      while (seen < revision) {
        await within(DEADLINE, `telling of revision ${revision}`, told.promise);
        // Before reading: what is told of from here on may not be in this page.
        told = Promise.withResolvers();
        const { events } = await storage.changesSince(seen, 1_000);
        seen = events.at(-1)?.revision ?? seen;
      }
    },
  };
}
