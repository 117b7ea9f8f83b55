import { describe, expect, it } from "vitest";
import { VERSION } from "../../lib/feature-flags/core/version.ts";
import type { FlagStorage } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { readOnly } from "../../lib/storages/read-only.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { heldStorage, turn } from "./held-storage.ts";
import { ended, instancesOn } from "./instances.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { recordedLog } from "./recorded-log.ts";

const who = { customerId: "cust_1" };

/** The calls of `operation` so far. */
const count = (calls: readonly string[], operation: string) =>
  calls.filter((call) => call === operation).length;

describe("an instance", () => {
  it("says that it is there as soon as it answers anybody, before anything has changed", async () => {
    const { clock, managers, begin, close } = instancesOn([memoryStorage()]);
    const [manager] = managers;
    expect(await manager?.instances()).toEqual([]);
    await begin();
    const epoch = (await manager?.instances())?.[0]?.epoch;
    expect(await manager?.instances()).toEqual([
      {
        ...{ id: "instance-0", host: undefined, pid: process.pid, version: VERSION, epoch, revision: 0 },
        ...{ seenAt: clock.now() - 100, self: true },
      },
    ]);
    expect(epoch).toBeTypeOf("string");
    await close();
  });

  it("says how far it has got only once it has applied a change", async () => {
    const memory = memoryStorage();
    const held = heldStorage(memory, "changesSince");
    const { clock, managers, begin, close } = instancesOn([held.storage]);
    await begin();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(500);
    const revision = async () => (await managers[0]?.instances())?.[0]?.revision;
    expect(await revision()).toBe(0);
    held.releaseAll();
    await clock.advance(100);
    expect(await revision()).toBe(1);
    await close();
  });

  it("says so at once when it has long said nothing, and of a busy feed twenty times a second at most", async () => {
    const memory = memoryStorage();
    const outage = outageStorage(memory);
    const { clock, begin, close, managers } = instancesOn([outage.storage]);
    await begin();
    outage.calls.length = 0;
    await memory.saveCustomerFlags("cust_1", { plan: "first" });
    await clock.advance(0);
    expect(count(outage.calls, "reportInstance")).toBe(1);
    for (let change = 0; change < 200; change += 1) {
      await memory.saveCustomerFlags("cust_1", { plan: `p${change}` });
      await clock.advance(5);
    }
    await clock.advance(50);
    expect(count(outage.calls, "reportInstance")).toBeLessThanOrEqual(22);
    expect((await managers[0]?.instances())?.[0]?.revision).toBe(201);
    await close();
  });

  it("is alive while it says so every ten seconds, and gone when it has been silent for 35", async () => {
    const memory = memoryStorage();
    const outage = outageStorage(memory);
    const { clock, managers, begin, close } = instancesOn([memory, outage.storage]);
    await begin();
    await clock.advance(600_000);
    expect(await managers[0]?.instances()).toHaveLength(2);
    expect(count(outage.calls, "reportInstance")).toBe(61);
    // It hangs without having closed: nobody takes its row away.
    outage.mode = "hanging";
    await clock.advance(20_000);
    expect(await managers[0]?.instances()).toHaveLength(2);
    await clock.advance(20_000);
    expect((await managers[0]?.instances())?.map(({ id, self }) => [id, self])).toEqual([
      ["instance-0", true],
    ]);
    outage.mode = "up";
    await clock.advance(20_000);
    expect(await managers[0]?.instances()).toHaveLength(2);
    await close();
  });

  it("takes its row away when it is closed, and those long forgotten", async () => {
    const memory = memoryStorage();
    const { clock, managers, begin, close } = instancesOn([memory, memory]);
    await begin();
    const report = { pid: 1, version: VERSION, epoch: "e", revision: 0 };
    await memory.reportInstance({ ...report, id: "dead", seenAt: clock.now() - 700_000 });
    await memory.reportInstance({ ...report, id: "silent", seenAt: clock.now() - 500_000 });
    await managers[0]?.close();
    expect((await memory.listInstances(0)).map(({ id }) => id)).toEqual(["instance-1", "silent"]);
    await close();
    expect((await memory.listInstances(0)).map(({ id }) => id)).toEqual(["silent"]);
    await clock.advance(1_000);
    expect(clock.timers()).toBe(0);
  });

  it("takes away what is long forgotten when it begins, too: those that are killed never close", async () => {
    const memory = memoryStorage();
    const { clock, begin, close } = instancesOn([memory]);
    const report = { pid: 1, version: VERSION, epoch: "e", revision: 0 };
    await memory.reportInstance({ ...report, id: "dead", seenAt: clock.now() - 700_000 });
    await memory.reportInstance({ ...report, id: "silent", seenAt: clock.now() - 500_000 });
    await begin();
    expect((await memory.listInstances(0)).map(({ id }) => id)).toEqual(["instance-0", "silent"]);
    await close();
  });

  it("leaves no row behind where it is closed while it reports, for the first time or later", async () => {
    for (const reportsBefore of [0, 1]) {
      const memory = memoryStorage();
      const waiting: (() => void)[] = [];
      let isHeld = reportsBefore === 0;
      const storage: FlagStorage = {
        ...memory,
        reportInstance: async (report) => {
          if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
          await memory.reportInstance(report);
        },
      };
      const { managers, clock, begin } = instancesOn([storage]);
      await begin();
      isHeld = true;
      await memory.saveCustomerFlags("cust_1", { plan: "gold" });
      await clock.advance(100);
      expect(waiting).toHaveLength(1);
      const closing = managers[0]?.close();
      await turn();
      for (const go of waiting) go();
      await closing;
      expect(await memory.listInstances(0)).toEqual([]);
    }
  });

  it("closes within two reads' time where storage hangs, and at once where it is lost", async () => {
    const outage = outageStorage(memoryStorage());
    const { clock, managers, begin } = instancesOn([outage.storage]);
    await begin();
    outage.mode = "hanging";
    const start = clock.now();
    await ended(managers[0]?.close() ?? Promise.resolve(), clock);
    expect(clock.now() - start).toBeLessThanOrEqual(4_000);

    const lost = outageStorage(memoryStorage());
    const log = recordedLog();
    const second = instancesOn([lost.storage], log);
    await second.begin();
    lost.mode = "down";
    for (let call = 0; call < 3; call += 1) await second.managers[0]?.getFlags(who, { fresh: true });
    lost.calls.length = 0;
    await second.close();
    await second.clock.advance(1_000);
    expect([lost.calls, second.clock.timers()]).toEqual([[], 0]);
    expect(log.lines.map(({ message }) => message)).toEqual([
      "The database is out of reach.",
      "Storage is lost, answers may be stale: The database is out of reach.",
    ]);
  });

  it("is in the list again as soon as storage is back", async () => {
    const outage = outageStorage(memoryStorage());
    const { clock, managers, begin, close } = instancesOn([outage.storage]);
    await begin();
    outage.mode = "down";
    for (let call = 0; call < 3; call += 1) await managers[0]?.getFlags(who, { fresh: true });
    await clock.advance(61_000);
    outage.mode = "up";
    while (managers[0]?.getStats().storageLost !== undefined) await clock.advance(100);
    await clock.advance(100);
    expect(await managers[0]?.instances()).toHaveLength(1);
    await close();
  });

  it("logs once that it cannot report, and goes on trying", async () => {
    const outage = outageStorage(memoryStorage());
    outage.modes.set("reportInstance", "down");
    const log = recordedLog();
    const { manager, clock } = planManager({ storage: outage.storage, log });
    await manager.getFlags(who);
    await clock.advance(60_000);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({ level: "warn", facts: { code: "STORAGE_UNAVAILABLE" } });
    outage.modes.clear();
    await clock.advance(10_000);
    expect(await manager.instances()).toHaveLength(1);
    await manager.close();
  });

  it("on a storage that is only read has no row, and nothing is wrong with that", async () => {
    const memory = memoryStorage();
    const log = recordedLog();
    const clock = manualClock();
    const reader = planManager({ storage: readOnly(memory), log, clock }).manager;
    const writer = planManager({ storage: memory, clock }).manager;
    await reader.getFlags(who);
    const { revision = -1 } = await writer.setCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(60_000);
    expect((await reader.getFlags(who)).config.plan).toBe("gold");
    expect(await reader.instances()).toEqual([]);
    expect(await ended(reader.waitForPropagation(revision), clock)).toMatchObject({
      value: { instances: 0 },
    });
    await reader.close();
    await writer.close();
    expect(log.lines).toEqual([]);
  });
});
