import { describe, expect, it } from "vitest";
import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { TenantImage } from "../../../lib/feature-flags/core/image.ts";
import type { TenantSnapshot } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { heldStorage, turn } from "../held-storage.ts";
import { snapshotOf, snapshotStore } from "../snapshot-store.ts";
import { storeRollout } from "../stored-rollouts.ts";
import { EVERY, keeping, rolloutsOf } from "./kept-snapshots.ts";

const who = { customerId: "cust_1" };
describe("keeping the last good state", () => {
  it("writes nothing before anything was read, then at every look where the revision has changed", async () => {
    const store = snapshotStore();
    const { clock, outage, lastGood, change } = keeping(store);
    await clock.advance(10 * EVERY);
    expect([store.written, outage.calls]).toEqual([[], []]);
    await change("gold");
    await clock.advance(10 * EVERY);
    expect(store.written).toHaveLength(1);
    const reads = outage.calls.length;
    await clock.advance(10 * EVERY);
    expect(outage.calls).toHaveLength(reads);
    await change("platinum");
    await clock.advance(EVERY);
    expect(store.written.map(({ revision }) => revision)).toEqual([1, 2]);
    await lastGood.close();
  });

  it("writes all that storage holds, with where it stood and when that was", async () => {
    const store = snapshotStore();
    const { memory, clock, lastGood, reached } = keeping(store);
    await memory.saveOrganizationFlags("org_1", { plan: "team" });
    await memory.registerCustomers([{ id: "member", organizationId: "org_1" }, { id: "cust_1" }]);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    reached.state = await memory.readState();
    await lastGood.keep();
    const [snapshot] = store.written;
    expect(snapshot).toMatchObject({ ...reached.state, takenAt: clock.now() });
    expect(snapshot?.memberships).toEqual([["member", "org_1"]]);
    expect(snapshot?.overrides.map(({ tenant, flags }) => [tenant.kind, tenant.id, flags])).toEqual([
      ["customer", "cust_1", { plan: "gold" }],
      ["organization", "org_1", { plan: "team" }],
    ]);
    await lastGood.close();
  });

  it("writes that there is nothing as a snapshot like any other", async () => {
    const store = snapshotStore();
    const { memory, lastGood, reached } = keeping(store);
    reached.state = await memory.readState();
    await lastGood.keep();
    expect(store.written).toMatchObject([{ revision: 0, overrides: [], memberships: [], rollouts: [] }]);
    await lastGood.close();
  });

  it("takes it from memory where everything is there, and asks storage nothing", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await storeRollout(memory);
    const connection = new StorageConnection(memory);
    const image = new TenantImage(connection);
    const state = await image.load();
    const rollouts = rolloutsOf(connection);
    await rollouts.refresh();
    const { outage, lastGood } = keeping(store, { image, rollouts, state: () => state });
    await lastGood.keep();
    expect(store.written).toMatchObject([
      {
        ...{ ...state, overrides: [{ flags: { plan: "gold" } }] },
        rollouts: [{ featureName: "search", version: 1, revision: 2, updatedBy: "ada" }],
      },
    ]);
    expect(outage.calls).toEqual([]);
    await lastGood.close();
  });

  it("writes none of what is not whole: neither before memory is filled nor where reading broke off", async () => {
    const store = snapshotStore();
    const { outage, clock, lastGood, change } = keeping(store);
    await change("gold");
    outage.modes.set("listCustomers", "down");
    await clock.advance(EVERY);
    expect(store.written).toEqual([]);
    outage.modes.clear();
    await clock.advance(EVERY);
    expect(store.written).toHaveLength(1);
    await lastGood.close();

    const image = new TenantImage(new StorageConnection(memoryStorage()));
    const unfilled = keeping(store, { image, state: () => ({ epoch: "e", revision: 9 }) });
    await unfilled.lastGood.keep();
    expect(store.written).toHaveLength(1);
    await unfilled.lastGood.close();
  });

  it("tells every time and logs once what cannot be written, tries again, and throws nothing", async () => {
    const store = snapshotStore();
    let isFull = true;
    const { clock, log, errors, lastGood, change } = keeping({
      read: store.read,
      write: async (snapshot) => {
        if (isFull) throw new Error("no space left on the device");
        await store.write(snapshot);
      },
    });
    await change("gold");
    await clock.advance(10 * EVERY);
    expect([log.lines.length, errors.length]).toEqual([1, 10]);
    expect(log.lines[0]?.message).toContain("no space left on the device");
    isFull = false;
    await clock.advance(EVERY);
    expect(store.written).toHaveLength(1);
    await lastGood.close();
  });

  it("opens the store again at the next look where that failed", async () => {
    const store = snapshotStore();
    let attempts = 0;
    const { clock, lastGood, change } = keeping(store, {
      open: async () => {
        attempts += 1;
        if (attempts === 1) throw new Error("no such directory");
        return store;
      },
    });
    await change("gold");
    await clock.advance(2 * EVERY);
    expect([attempts, store.written.length]).toEqual([2, 1]);
    await lastGood.close();
  });

  it("ends with closing: no timer is left, and a reading that breaks off is no failure", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    const held = heldStorage(memory, "listOverrides");
    const clock = manualClock();
    const connection = new StorageConnection(held.storage, { clock });
    const { lastGood, log } = keeping(store, {
      connection,
      clock,
      state: () => ({ epoch: "e", revision: 9 }),
    });
    await clock.advance(EVERY);
    await held.reached(1);
    const closed = lastGood.close();
    await connection.close();
    held.releaseAll();
    await closed;
    await clock.advance(10 * EVERY);
    expect([clock.timers(), log.lines, store.written]).toEqual([0, [], []]);
  });
});

describe("reading what an earlier process knew", () => {
  it("hands over the rollouts, as new as the newest of them", async () => {
    const row = { version: 1, updatedAt: 0, updatedBy: undefined, rollout: { salt: "search" } };
    const rollouts = [4, 7, 2].map((revision) => ({ ...row, featureName: `f${revision}`, revision }));
    const { lastGood, restored } = keeping(snapshotStore(snapshotOf("gold", { revision: 9, rollouts })));
    await lastGood.read(who);
    await lastGood.read(who);
    expect(restored).toEqual([{ epoch: "e", revision: 7, rollouts }]);
    await lastGood.close();
    const without = keeping(snapshotStore(snapshotOf("gold", { revision: 9 })));
    await without.lastGood.read(who);
    expect(without.restored).toEqual([{ epoch: "e", revision: 0, rollouts: [] }]);
    await without.lastGood.close();
  });

  it("opens and reads the store once, when first asked, and answers with when it was taken", async () => {
    let opened = 0;
    let reads = 0;
    const { lastGood } = keeping(snapshotStore(), {
      open: async () => {
        opened += 1;
        const store = snapshotStore(snapshotOf("gold"));
        return {
          ...store,
          read: () => {
            reads += 1;
            return store.read();
          },
        };
      },
    });
    expect(opened).toBe(0);
    const answers = await Promise.all(Array.from({ length: 100 }, () => lastGood.read(who)));
    await lastGood.read(who);
    expect([opened, reads]).toEqual([1, 1]);
    expect(answers[0]).toMatchObject({
      at: 1_000,
      record: { customer: { flags: { plan: "gold" } }, revision: 1 },
    });
    await lastGood.close();
  });

  it("answers nothing where there is no snapshot", async () => {
    const { lastGood, log } = keeping(snapshotStore());
    expect(await lastGood.read(who)).toBeUndefined();
    expect(log.lines).toEqual([]);
    await lastGood.close();
  });

  it.each([
    ["cannot be opened", { open: () => Promise.reject(new Error("no permission")) }],
    [
      "cannot be read",
      {
        open: async () => ({ ...snapshotStore(), read: () => Promise.reject(new Error("no permission")) }),
      },
    ],
  ])("a store that %s is logged once, and thrown at nobody", async (_, options) => {
    const { lastGood, log } = keeping(snapshotStore(), options);
    for (let time = 0; time < 5; time += 1) expect(await lastGood.read(who)).toBeUndefined();
    expect(log.lines.map(({ level }) => level)).toEqual(["error"]);
    expect(log.lines[0]?.message).toContain("no permission");
    await lastGood.close();
  });

  it("a store that hangs delays nobody for more than a second, and is used once it answers", async () => {
    let answer = (_: TenantSnapshot): void => {};
    const { lastGood, clock } = keeping({
      ...snapshotStore(),
      read: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const first = lastGood.read(who);
    await clock.advance(1_000);
    expect(await first).toBeUndefined();
    expect(await lastGood.read(who)).toBeUndefined();
    answer(snapshotOf("gold"));
    await turn();
    expect(await lastGood.read(who)).toMatchObject({ record: { customer: { flags: { plan: "gold" } } } });
    await lastGood.close();
  });

  it("answers from the newest snapshot in a later outage, not from that of the start", async () => {
    const store = snapshotStore(snapshotOf("of an earlier process"));
    const { lastGood, clock, change } = keeping(store);
    expect((await lastGood.read(who))?.record.customer?.flags).toEqual({ plan: "of an earlier process" });
    await change("of this one");
    await clock.advance(EVERY);
    expect((await lastGood.read(who))?.record.customer?.flags).toEqual({ plan: "of this one" });
    await lastGood.close();
  });
});
