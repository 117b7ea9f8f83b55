import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { seededRandom } from "../faults/seeded-random.ts";
import { turn, unannounced } from "./held-storage.ts";
import { type OutageStorage, outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { recordedLog } from "./recorded-log.ts";
import { timed } from "./timed-calls.ts";

const who = { customerId: "cust_1" };
const FIVE_MINUTES = 5 * 60_000;

/** A manager on a storage with one override, which has been read. What it tells is kept. */
async function running(mode: "with notices" | "by polling" = "by polling") {
  const memory = memoryStorage();
  await memory.saveCustomerFlags("cust_1", { plan: "gold" });
  const outage = outageStorage(mode === "by polling" ? unannounced(memory) : memory);
  const log = recordedLog();
  const { manager, clock } = planManager({ storage: outage.storage, log, environment: "staging" });
  const events: string[] = [];
  manager.on("stale", ({ error }) => events.push(`stale: ${error.code}`));
  manager.on("recovered", ({ milliseconds }) => events.push(`recovered: ${milliseconds}`));
  const known = await manager.getFlags(who);
  await clock.advance(100);
  return { memory, outage, log, manager, clock, events, known };
}

/** Three evaluations that fail: then storage is lost. */
async function lose(
  { manager, clock, outage }: Awaited<ReturnType<typeof running>>,
  how: OutageStorage["mode"],
) {
  outage.mode = how;
  const asking = [1, 2, 3].map((number) => manager.getFlags({ customerId: `unknown ${number}` }));
  if (how === "hanging") await clock.advance(250);
  await Promise.all(asking);
}

function refusingAudit(storage: FlagStorage): FlagStorage["writeOverride"] {
  return async (write) => ({ ...(await storage.writeOverride(write)), audit: "kept" });
}

describe("a storage that hangs", () => {
  it("costs each evaluation its budget at most, and nothing once it is lost: no call, no timer", async () => {
    const system = await running();
    const { manager, clock, outage } = system;
    outage.mode = "hanging";
    const times = Array.from({ length: 100 }, (_, index) =>
      timed(clock, manager.getFlags({ customerId: `unknown ${index}` })),
    );
    await clock.advance(250);
    expect(times.every(({ after }) => after === 250)).toBe(true);
    const [calls, timers] = [outage.calls.length, clock.timers()];
    for (let evaluation = 0; evaluation < 1_000; evaluation += 1) {
      const asked = manager.getFlags({ customerId: `unknown ${evaluation}` });
      expect(clock.timers()).toBe(timers);
      expect((await asked).error?.code).toBe("STORAGE_UNAVAILABLE");
    }
    expect(outage.calls).toHaveLength(calls);
    await manager.close();
  });

  it("is the probe's business alone for as long as it hangs", async () => {
    const system = await running();
    const { manager, clock, outage } = system;
    await lose(system, "hanging");
    outage.calls.length = 0;
    for (let second = 0; second < 600; second += 1) {
      await manager.getFlags({ customerId: `unknown ${second}` });
      await clock.advance(1_000);
    }
    expect([...new Set(outage.calls)]).toEqual(["readState"]);
    expect(outage.calls.length).toBeLessThan(600 / 3);
    expect(clock.timers()).toBeLessThan(8);
    await manager.close();
  });
});

describe.each(["down", "hanging"] as const)("while storage is %s", (how) => {
  it("a cached answer is what it was, without a call", async () => {
    const system = await running();
    await lose(system, how);
    const calls = system.outage.calls.length;
    expect(await system.manager.getFlags(who)).toBe(system.known);
    expect(system.manager.peek(who)).toBe(system.known);
    expect(system.known).toMatchObject({ stale: false, error: undefined });
    expect(system.outage.calls).toHaveLength(calls);
    await system.manager.close();
  });

  it("an expired one is given as the last known, stale, with the error and since when it is", async () => {
    const system = await running();
    const { manager, clock, known } = system;
    await lose(system, how);
    await clock.advance(10 * FIVE_MINUTES);
    for (let time = 0; time < 3; time += 1) {
      expect(await manager.getFlags(who)).toMatchObject({
        ...{ config: { plan: "gold" }, source: "customer_override", version: 1, revision: 1 },
        ...{ stale: true, evaluatedAt: known.evaluatedAt, error: { code: "STORAGE_UNAVAILABLE" } },
      });
    }
    expect(manager.getCacheStats().staleAnswers).toBe(3);
    await manager.close();
  });

  it("a tenant that was never read gets the environment's config, with the error", async () => {
    const system = await running();
    await lose(system, how);
    expect(await system.manager.getFlags({ customerId: "new" })).toMatchObject({
      ...{ config: { plan: "trial" }, source: "environment", stale: false, revision: -1 },
      error: { code: "STORAGE_UNAVAILABLE" },
    });
    expect(system.manager.peek({ customerId: "new" })).toBeUndefined();
    await system.manager.close();
  });

  it("a write is refused at once, once it is lost, and is not made afterwards", async () => {
    const system = await running();
    const { manager, clock, outage, memory } = system;
    await lose(system, how);
    const refused = timed(clock, manager.setCustomerFlags("cust_1", { plan: "platinum" }));
    await turn();
    expect([refused.after, refused.code]).toEqual([0, "STORAGE_UNAVAILABLE"]);
    expect(refused.message).not.toContain("may have been made");
    expect(refused.message).toContain("nothing is written");
    outage.mode = "up";
    outage.letGo();
    await clock.advance(60_000);
    expect((await memory.readState()).revision).toBe(1);
    await manager.close();
  });

  it("everything is as before without a restart once it answers, and what changed meanwhile is seen", async () => {
    const system = await running();
    const { manager, clock, outage, memory, known } = system;
    await lose(system, how);
    await clock.advance(3_600_000);
    expect(manager.getStats().storageLost?.code).toBe("STORAGE_UNAVAILABLE");
    await memory.saveCustomerFlags("cust_1", { plan: "platinum" });
    outage.mode = "up";
    await clock.advance(4_000);
    expect(manager.getStats().storageLost).toBeUndefined();
    expect(await manager.getFlags(who)).toMatchObject({
      ...{ config: { plan: "platinum" }, stale: false, error: undefined, revision: 2 },
    });
    expect(known.config.plan).toBe("gold");
    await manager.setCustomerFlags("cust_1", { plan: "diamond" });
    expect((await manager.getFlags(who)).config.plan).toBe("diamond");
    await manager.close();
  });

  it("it is told once that it is lost and once that it is back, in events and in the log; each time anew", async () => {
    const system = await running();
    const { manager, clock, outage, log, events } = system;
    for (let time = 1; time <= 3; time += 1) {
      await lose(system, how);
      for (let call = 0; call < 50; call += 1) await manager.getFlags({ customerId: `unknown ${call}` });
      await clock.advance(60_000);
      expect(events).toEqual(["stale: STORAGE_UNAVAILABLE"]);
      outage.mode = "up";
      await clock.advance(4_000);
      expect(events).toHaveLength(2);
      expect(Number(events.splice(0).at(-1)?.replace("recovered: ", ""))).toBeGreaterThanOrEqual(60_000);
      await clock.advance(20_000);
    }
    const told = log.lines.filter(({ message }) => /^Storage is (lost,|back)/.test(message));
    expect(told.map(({ level, message }) => [level, message.slice(0, 15)])).toEqual(
      [1, 2, 3].flatMap(() => [
        ["error", "Storage is lost"],
        ["info", "Storage is back"],
      ]),
    );
    expect(log.lines.length).toBeLessThan(12);
    await manager.close();
  });
});

it("a change made elsewhere is seen as soon as storage is back, not at the next poll, even if cached", async () => {
  const memory = unannounced(memoryStorage());
  const outage = outageStorage(memory);
  const { manager, clock } = planManager({ storage: outage.storage, pollEvery: 3_600_000 });
  await manager.getFlags(who);
  outage.mode = "down";
  for (let call = 0; call < 3; call += 1) await manager.getFlags(who, { fresh: true });
  await memory.saveCustomerFlags("cust_1", { plan: "platinum" });
  outage.mode = "up";
  await clock.advance(4_000);
  expect((await manager.getFlags(who)).config.plan).toBe("platinum");
  await manager.close();
});

it("what fails without a caller is told as an error: the feed, reports, the snapshot, kept audit rows", async () => {
  const outage = outageStorage(unannounced(memoryStorage()));
  const { manager, clock } = planManager({
    storage: { ...outage.storage, writeOverride: refusingAudit(outage.storage) },
    snapshot: { read: async () => undefined, write: () => Promise.reject(new Error("no space is left")) },
  });
  const errors = new Set<string>();
  manager.on("error", ({ error }) => void errors.add(error.message));
  await manager.getFlags(who);
  await manager.setCustomerFlags("cust_1", { plan: "gold" });
  for (const operation of ["retryAudit", "changesSince", "reportInstance"]) {
    outage.modes.set(operation, "down");
    await clock.advance(31_000);
    expect([...errors]).toContain("The database is out of reach.");
    outage.modes.clear();
    errors.delete("The database is out of reach.");
  }
  expect([...errors].join()).toContain("no space is left");
  await manager.close();
});

it("a write that is late says that it may have been committed", async () => {
  const { manager, clock, outage, memory } = await running();
  outage.modes.set("writeOverride", "hanging");
  const late = timed(clock, manager.setCustomerFlags("cust_1", { plan: "platinum" }));
  await clock.advance(9_999);
  expect(late.after).toBeUndefined();
  await clock.advance(1);
  expect([late.after, late.code]).toEqual([10_000, "STORAGE_UNAVAILABLE"]);
  expect(late.message).toContain("Read before you write again: the change may have been made.");
  outage.letGo();
  await clock.advance(2_000);
  expect((await memory.readState()).revision).toBe(2);
  expect((await manager.getFlags(who)).config.plan).toBe("platinum");
  await manager.close();
});

it("a start on a storage that cannot be opened answers all the same, and is well once it can be", async () => {
  for (const failures of [1, 2, 5, 10]) {
    let attempts = 0;
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const { manager, clock } = planManager({
      storage: async () => {
        attempts += 1;
        if (attempts <= failures) throw new Error("connection refused");
        return memory;
      },
    });
    for (let second = 0; second < failures * 4; second += 1) {
      expect((await manager.getFlags(who)).config.plan).toMatch(/free|gold/);
      await clock.advance(1_000);
    }
    expect(await manager.getFlags(who)).toMatchObject({ config: { plan: "gold" }, error: undefined });
    expect(attempts).toBe(failures + 1);
    await manager.close();
  }
});

it("five thousand at once who ask for the same tenant make one read", async () => {
  const outage = outageStorage(memoryStorage());
  const { manager } = planManager({ storage: outage.storage });
  const answers = await Promise.all(Array.from({ length: 5_000 }, () => manager.getFlags(who)));
  expect(outage.calls.filter((call) => call === "readTenant")).toHaveLength(1);
  expect(new Set(answers).size).toBe(1);
  await manager.close();
});

it("five thousand tenants read in the same second expire over half a minute, sixteen reads at a time", async () => {
  const memory = unannounced(memoryStorage());
  let reading = 0;
  let most = 0;
  const reads: number[] = [];
  const random = seededRandom(7).next;
  const { manager, clock } = planManager({
    random,
    storage: {
      ...memory,
      async readTenant(context) {
        reading += 1;
        most = Math.max(most, reading);
        reads.push(clock.now());
        const record = await memory.readTenant(context);
        await turn();
        reading -= 1;
        return record;
      },
    },
  });
  const tenants = Array.from({ length: 5_000 }, (_, index) => ({ customerId: `cust_${index}` }));
  const readAll = () => Promise.all(tenants.map((tenant) => manager.getFlags(tenant)));
  await readAll();
  expect([reads.splice(0).length, most]).toEqual([5_000, 16]);
  most = 0;
  await clock.advance(260_000);
  for (let second = 260; second < 305; second += 1) {
    await clock.advance(1_000);
    await readAll();
  }
  expect(reads).toHaveLength(5_000);
  expect(most).toBeLessThanOrEqual(16);
  const perSecond = new Map<number, number>();
  for (const at of reads) perSecond.set(at, (perSecond.get(at) ?? 0) + 1);
  expect(perSecond.size).toBeGreaterThan(25);
  expect(Math.max(...perSecond.values())).toBeLessThan(300);
  await manager.close();
});
