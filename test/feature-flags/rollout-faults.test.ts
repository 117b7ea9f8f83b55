import { describe, expect, it } from "vitest";
import type { FeedNotice } from "../../lib/feature-flags/core/storage.ts";
import type { FlagStorage } from "../../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { turn, unannounced } from "./held-storage.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { rolloutWrite, Wire } from "./recorded-storage.ts";
import { halfRollout, storeRollout } from "./stored-rollouts.ts";

const who = { customerId: "cust_1" };
const all = (seats: number) => ({ seats, unit: "customer", percentage: 100, isRolledBack: false }) as const;
const seatsFor = (storage: FlagStorage, seats: number) =>
  storage.writeRollout(rolloutWrite("seats", all(seats)));

describe("a tenant's overrides and the rollouts", () => {
  it("are of one time, though rollouts changed twice while the tenant was read", async () => {
    const memory = unannounced(memoryStorage());
    await seatsFor(memory, 10);
    const wire = new Wire(memory, false);
    const { manager } = planManager({ storage: wire.storage });
    await manager.getFlags({});
    wire.isHolding = true;
    const answer = manager.getFlags(who);
    await turn();
    await seatsFor(memory, 20);
    const refreshed = manager.rollouts.refresh();
    await turn();
    wire.release(1);
    await refreshed;
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await seatsFor(memory, 30);
    wire.release(0);
    await turn();
    wire.releaseAll();
    const { config } = await answer;
    expect([config.plan, config.limits.maxSeats]).toEqual(["gold", 30]);
    await manager.close();
  });

  it("are of one time, whenever the rollouts come while the tenant is read", async () => {
    for (let ticks = 0; ticks < 40; ticks += 1) {
      const memory = unannounced(memoryStorage());
      await seatsFor(memory, 10);
      const wire = new Wire(memory, false);
      const { manager } = planManager({ storage: wire.storage });
      await manager.getFlags({});
      wire.isHolding = true;
      const answer = manager.getFlags(who);
      await turn();
      await memory.saveCustomerFlags("cust_1", { plan: "gold" });
      await seatsFor(memory, 20);
      const refreshed = manager.rollouts.refresh();
      await turn();
      // The one lets the rollouts arrive first, the other the tenant.
      wire.release(ticks % 2);
      for (let tick = 0; tick < ticks / 2; tick += 1) await Promise.resolve();
      wire.releaseAll();
      await refreshed;
      const { config } = await answer;
      const seen = [config.plan, config.limits.maxSeats];
      expect([ticks, [["free", 10].join(), ["gold", 20].join()].includes(seen.join()), seen]).toEqual([
        ticks,
        true,
        seen,
      ]);
      await manager.close();
    }
  });

  it("are of one database, though it was put back between reading the two", async () => {
    const later = memoryStorage({ epoch: "same" });
    await later.saveCustomerFlags("cust_1", { plan: "gold" });
    await seatsFor(later, 20);
    const earlier = memoryStorage({ epoch: "same" });
    await seatsFor(earlier, 10);
    let current = later;
    const storage = new Proxy({ ...later }, { get: (_, name) => Reflect.get(unannounced(current), name) });
    const { manager } = planManager({ storage });
    await manager.getFlags({});
    current = earlier;
    const { config } = await manager.getFlags(who);
    expect([config.plan, config.limits.maxSeats]).toEqual(["free", 10]);
    await manager.close();
  });
});

describe("with everything in memory", () => {
  it("nobody is answered without the rollouts while those are still being read", async () => {
    const memory = memoryStorage();
    await seatsFor(memory, 10);
    const outage = outageStorage(memory);
    outage.modes.set("listRollouts", "hanging");
    const { manager } = planManager({ storage: outage.storage, preload: true });
    await turn();
    expect(manager.peek(who)).toBeUndefined();
    outage.modes.clear();
    outage.letGo();
    await manager.ready();
    expect(manager.peek(who)?.config.limits.maxSeats).toBe(10);
    await manager.close();
  });

  it("a rollout changed here shows at the next read, though an answer is ahead of the feed", async () => {
    const memory = unannounced(memoryStorage());
    const { manager } = planManager({ storage: memory, preload: true });
    await manager.ready();
    await memory.saveCustomerFlags("somebody", { plan: "gold" });
    await manager.getFlags(who, { fresh: true });
    await manager.rollouts.write(rolloutWrite("seats", all(20)));
    expect((await manager.getFlags(who)).config.limits.maxSeats).toBe(20);
    await manager.close();
  });
});

it("a rollout changed here shows at the next read, though it could not be read back", async () => {
  const outage = outageStorage(unannounced(memoryStorage()));
  for (const preload of [false, true]) {
    const { manager } = planManager({ storage: outage.storage, preload });
    await manager.ready();
    await manager.getFlags(who);
    outage.modes.set("listRollouts", "down");
    const seats = preload ? 40 : 20;
    await manager.rollouts.write(rolloutWrite("seats", all(seats)));
    outage.modes.clear();
    expect((await manager.getFlags(who)).config.limits.maxSeats).toBe(seats);
    await manager.close();
  }
});

describe("a notice that foretells a commit", () => {
  it.each([false, true])("does not keep the commit from being followed (preload: %s)", async (preload) => {
    const memory = memoryStorage();
    let tell: (notice?: FeedNotice) => void = () => {};
    const storage: FlagStorage = {
      ...memory,
      subscribe: (listener) => {
        tell = listener;
        return () => {};
      },
      feedMode: () => "listen",
    };
    const { manager, clock } = planManager({ storage, preload });
    await manager.ready();
    await manager.getFlags(who);
    await turn();
    const { epoch } = await memory.readState();
    tell({ epoch, revision: 1, scope: "rollout", id: "seats" });
    await turn();
    await seatsFor(memory, 20);
    await clock.advance(10_000);
    expect((await manager.getFlags(who)).config.limits.maxSeats).toBe(20);
    tell({ epoch, revision: 2, scope: "customer", id: "cust_1" });
    await turn();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(10_000);
    expect((await manager.getFlags(who)).config.plan).toBe("gold");
    await manager.close();
  });
});

it("a rollback asked of many instances at once happens once", async () => {
  const storage = memoryStorage();
  await storeRollout(storage, halfRollout);
  const managers = Array.from({ length: 8 }, () => planManager({ storage, preload: true }).manager);
  const pilots = managers.map((flags) => new PilotRolloutManager({ flags, checkEvery: 0 }));
  await Promise.all(managers.map((manager) => manager.ready()));
  await Promise.all(pilots.map((pilot) => pilot.rollbackFeature("search", "It hurts", { changedBy: "ada" })));
  const { rollouts } = await storage.listRollouts();
  const rows = await storage.listChanges({ featureName: "search", limit: 100 });
  expect([rollouts[0]?.version, rows.length, (await storage.readState()).revision]).toEqual([2, 2, 2]);
  for (const each of [...pilots, ...managers]) await each.close();
});
