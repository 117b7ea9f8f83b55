import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { heldStorage, turn, unannounced } from "./held-storage.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { recordedLog } from "./recorded-log.ts";
import { snapshotStore } from "./snapshot-store.ts";

const who = { customerId: "cust_1" };
const never = new Promise<never>(() => {});

describe.each([true, false])("closing a manager that keeps a snapshot (preload: %s)", (preload) => {
  function keeping(options: Parameters<typeof planManager>[0] = {}) {
    const memory = memoryStorage();
    // Nobody is told of commits: what is not asked for is not known.
    const outage = outageStorage(unannounced(memory));
    const store = snapshotStore();
    const log = recordedLog();
    const made = planManager({ storage: outage.storage, snapshot: store, preload, log, ...options });
    const errors: string[] = [];
    made.manager.on("error", ({ error }) => errors.push(error.code));
    return { ...made, memory, outage, store, log, errors };
  }

  it("writes what has changed since the last one, here or elsewhere, and nothing twice", async () => {
    const { manager, memory, clock, store } = keeping();
    await manager.ready();
    await manager.getFlags(who);
    await clock.advance(30_000);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await memory.saveCustomerFlags("cust_2", { plan: "team" });
    await manager.close();
    expect(store.written).toMatchObject([
      { revision: 0, overrides: [] },
      { revision: 2, overrides: [{ flags: { plan: "gold" } }, { flags: { plan: "team" } }] },
    ]);
    await manager.close();
    expect(store.written).toHaveLength(2);
  });

  it("writes none where nothing has changed, and asks nothing where nothing was asked before", async () => {
    const { manager, clock, store } = keeping();
    await manager.ready();
    await manager.getFlags(who);
    await clock.advance(30_000);
    await manager.close();
    expect(store.written).toHaveLength(1);
    const unused = keeping({ preload: false });
    await unused.manager.close();
    expect([unused.outage.calls, unused.store.written]).toEqual([[], []]);
  });

  it("writes none while storage is lost, and does not wait for it", async () => {
    const { manager, outage, store, errors } = keeping();
    await manager.ready();
    await manager.getFlags(who);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    outage.mode = "down";
    for (let call = 0; call < 5; call += 1) await manager.getFlags(who, { fresh: true });
    expect(manager.getStats().storageLost).toBeDefined();
    const asked = outage.calls.length;
    errors.length = 0;
    await manager.close();
    expect([outage.calls.length - asked, store.written, errors]).toEqual([0, [], []]);
  });

  it("tells what went wrong, and closes", async () => {
    const { manager, outage, errors, store } = keeping();
    await manager.ready();
    await manager.getFlags(who);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    outage.modes.set("changesSince", "down");
    await manager.close();
    expect([errors, store.written]).toEqual([["STORAGE_UNAVAILABLE"], []]);

    const refused = new Error("no space left on the device");
    const full = keeping({ snapshot: { read: async () => undefined, write: () => Promise.reject(refused) } });
    await full.manager.ready();
    await full.manager.getFlags(who);
    await full.manager.close();
    expect(full.log.lines.map(({ message }) => message)).toEqual([
      expect.stringContaining("no space left on the device"),
    ]);
  });

  it("waits five seconds for what hangs, and no longer", async () => {
    const { manager, clock, log, errors } = keeping({
      snapshot: { read: async () => undefined, write: () => never },
    });
    await manager.ready();
    await manager.getFlags(who);
    let isClosed = false;
    const closed = manager.close().then(() => {
      isClosed = true;
    });
    await clock.advance(4_999);
    expect(isClosed).toBe(false);
    await clock.advance(1);
    await closed;
    expect(errors).toEqual(["STORAGE_UNAVAILABLE"]);
    expect(log.lines.at(-1)?.message).toContain("The last snapshot is not written");
    expect(clock.timers()).toBe(0);
  });

  it("has written it before a storage that was opened here is closed", async () => {
    const order: string[] = [];
    const memory = memoryStorage();
    const { manager } = keeping({
      storage: async () => ({ ...memory, close: async () => void order.push("closed") }),
      snapshot: {
        read: async () => undefined,
        write: async () => {
          await turn();
          order.push("written");
        },
      },
    });
    await manager.ready();
    await manager.getFlags(who);
    await manager.close();
    expect(order).toEqual(["written", "closed"]);
  });
});

it("closing waits for a snapshot that is under way, and writes what came after it", async () => {
  const memory = memoryStorage();
  const held = heldStorage(memory, "listOverrides");
  const store = snapshotStore();
  const { manager, clock } = planManager({ storage: held.storage, snapshot: store });
  await manager.getFlags(who);
  await clock.advance(30_000);
  await held.reached(1);
  const closed = manager.close();
  await memory.saveCustomerFlags("cust_1", { plan: "gold" });
  held.releaseAll();
  await closed;
  expect(store.written.map(({ revision }) => revision)).toEqual([1]);
});

it("snapshotEvery says how often", async () => {
  const store = snapshotStore();
  const { manager, clock, storage } = planManager({ snapshot: store, snapshotEvery: 2_000 });
  await manager.getFlags(who);
  await clock.advance(2_000);
  expect(store.written).toHaveLength(1);
  await storage.saveCustomerFlags("cust_1", { plan: "gold" });
  await clock.advance(2_000);
  expect(store.written).toHaveLength(2);
  await manager.close();
});

it("snapshotEvery may be more than a timer can wait", async () => {
  const delays: number[] = [];
  const clock = manualClock();
  const setTimer = (run: () => void, delay: number) => {
    delays.push(delay);
    return clock.setTimer(run, delay);
  };
  const options = { snapshot: snapshotStore(), snapshotEvery: Number.POSITIVE_INFINITY };
  const { manager } = planManager({ ...options, clock: { now: clock.now, setTimer } });
  expect(delays).toEqual([2 ** 31 - 1]);
  await manager.close();
});
