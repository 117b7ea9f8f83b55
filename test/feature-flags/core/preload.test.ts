import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { heldStorage, turn, unannounced } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";
import { planManager } from "../plan-flags.ts";

const who = { customerId: "cust_1" };

describe("while everything is being loaded", () => {
  it("an answer to somebody else does not make it miss what changes meanwhile", async () => {
    const memory = unannounced(memoryStorage());
    const held = heldStorage(memory, "listOverrides");
    const { manager } = planManager({ storage: held.storage, preload: true });
    await held.reached(1);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    expect((await manager.getFlags({ customerId: "somebody else" })).revision).toBe(1);
    await manager.catchUp();
    await memory.saveCustomerFlags("cust_2", { plan: "gold" });
    await manager.catchUp();
    held.releaseAll();
    await manager.ready();
    for (const customerId of ["cust_1", "cust_2"]) {
      expect(manager.peek({ customerId })?.config.plan).toBe("gold");
    }
    await manager.close();
  });

  it("nobody is answered with less than before, though what was loaded is older than what was read", async () => {
    const memory = unannounced(memoryStorage());
    const pages = heldStorage(memory, "listOverrides");
    const feed = heldStorage(pages.storage, "changesSince");
    const { manager } = planManager({ storage: feed.storage, preload: true });
    await pages.reached(1);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const plan = async () => [manager.peek(who)?.config.plan, (await manager.getFlags(who)).config.plan];
    expect(await plan()).toEqual([undefined, "gold"]);
    pages.releaseAll();
    await feed.reached(1);
    expect(manager.peek({ customerId: "somebody else" })).toBeDefined();
    expect(await plan()).toEqual(["gold", "gold"]);
    await manager.setCustomerFlags("cust_1", { plan: "of its own" });
    expect(await plan()).toEqual(["of its own", "of its own"]);
    feed.releaseAll();
    await manager.ready();
    expect(await plan()).toEqual(["of its own", "of its own"]);
    await manager.close();
  });

  it("a storage that does not answer is waited for no longer than one read", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const { manager, clock } = planManager({ storage: outage.storage, preload: true });
    const ready = manager.ready().catch((error) => error.code);
    await clock.advance(2_000);
    expect(await Promise.race([ready, turn()])).toBe("STORAGE_UNAVAILABLE");
    await manager.close();
  });
});

describe("with everything in memory, during an outage", () => {
  it("answers are stale and say since when, are not kept, and are current again after it", async () => {
    const memory = unannounced(memoryStorage());
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const outage = outageStorage(memory);
    const { manager, clock } = planManager({ storage: outage.storage, preload: true });
    await manager.ready();
    await clock.advance(1_500);
    const confirmed = clock.now() - 500;
    outage.mode = "down";
    await clock.advance(60_000);
    const size = manager.getCacheStats().size;
    for (const answer of [manager.peek(who), await manager.getFlags(who)]) {
      expect(answer).toMatchObject({ stale: true, config: { plan: "gold" }, evaluatedAt: confirmed });
      expect(answer?.error?.code).toBe("STORAGE_UNAVAILABLE");
    }
    expect(manager.peek({ customerId: "without override" })).toMatchObject({
      stale: true,
      source: "default",
      evaluatedAt: confirmed,
    });
    expect(manager.getCacheStats()).toMatchObject({ size, staleAnswers: 3 });
    await memory.saveCustomerFlags("cust_1", { plan: "platinum" });
    outage.mode = "up";
    await clock.advance(5_000);
    expect(manager.peek(who)).toMatchObject({ stale: false, error: undefined, config: { plan: "platinum" } });
    await manager.close();
  });

  it("what was kept before it is answered as before, until it expires", async () => {
    const outage = outageStorage(unannounced(memoryStorage()));
    const { manager, clock } = planManager({
      storage: outage.storage,
      preload: true,
      cache: { ttl: 60_000 },
    });
    await manager.ready();
    const kept = manager.peek(who);
    outage.mode = "down";
    await clock.advance(30_000);
    expect(manager.peek(who)).toBe(kept);
    await clock.advance(31_000);
    expect(manager.peek(who)).toMatchObject({ stale: true });
    await manager.close();
  });

  it("a refresh that hung when storage was lost does not keep the feed from going on after it", async () => {
    const memory = memoryStorage();
    const outage = outageStorage(memory);
    const { manager, clock } = planManager({ storage: outage.storage, preload: true });
    await manager.ready();
    outage.modes.set("readOverrides", "hanging");
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await turn();
    outage.mode = "down";
    for (let call = 0; call < 3; call += 1) await manager.getFlags(who, { fresh: true });
    expect(manager.getStats().storageLost).toBeDefined();
    outage.modes.clear();
    outage.mode = "up";
    await clock.advance(2_000);
    expect(manager.peek(who)?.config.plan).toBe("gold");
    await manager.close();
  });
});

it("revisions of answers from memory do not go back while a long gap is applied page by page", async () => {
  const memory = unannounced(memoryStorage());
  const held = heldStorage(memory, "changesSince");
  const { manager } = planManager({ storage: held.storage, preload: true, cache: { ttl: 0 } });
  await held.reached(1);
  await held.release("oldest");
  await manager.ready();
  await memory.registerCustomers([{ id: "cust_1" }, { id: "cust_2" }]);
  for (let change = 0; change < 2_500; change += 1) {
    await memory.saveCustomerFlags("cust_1", { plan: `p${change}` });
  }
  const revisions: (number | undefined)[] = [];
  const catchingUp = manager.catchUp();
  for (const page of [2, 3, 4]) {
    await held.reached(page);
    await held.release("oldest");
    revisions.push(manager.peek(who)?.revision);
  }
  expect(revisions).toEqual([2_501, 2_501, 2_501]);
  held.releaseAll();
  await catchingUp;
  expect(manager.peek(who)?.config.plan).toBe("p2499");
  await manager.close();
});

it("a change of its own is never undone by a load that began before it", async () => {
  const memory = unannounced(memoryStorage());
  const held = heldStorage(memory, "listOverrides");
  const storage: FlagStorage = held.storage;
  const { manager } = planManager({ storage, preload: true });
  await held.reached(1);
  await manager.setCustomerFlags("cust_1", { plan: "gold" });
  held.releaseAll();
  await manager.ready();
  expect(manager.peek(who)?.config.plan).toBe("gold");
  await manager.close();
});
