import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { failingStorage } from "../failing-storage.ts";
import { heldStorage, turn, unannounced } from "../held-storage.ts";
import { planManager } from "../plan-flags.ts";
import { recordedLog } from "../recorded-log.ts";

const who = { customerId: "cust_1" };

describe("while storage is down", () => {
  it("keeps the last known answer, marked stale, with the error's code", async () => {
    const memory = memoryStorage();
    const fault = failingStorage(memory);
    const { manager, clock } = planManager({ storage: fault.storage });
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    const known = await manager.getFlags(who);
    fault.down = true;
    await clock.advance(5 * 60_000 + 1_000);
    const stale = await manager.getFlags(who);
    expect(stale).toMatchObject({
      stale: true,
      source: "customer_override",
      version: 1,
      revision: 1,
      evaluatedAt: known.evaluatedAt,
    });
    expect(stale.error?.code).toBe("STORAGE_UNAVAILABLE");
    expect(stale.config).toBe(known.config);
    expect(stale.sourceOf("plan")).toBe("customer_override");
    expect(known.stale).toBe(false);
    expect(manager.getCacheStats().staleAnswers).toBe(1);
  });

  it("answers a tenant never seen with the environment's config and the error's code", async () => {
    const fault = failingStorage(memoryStorage());
    fault.down = true;
    const { manager } = planManager({ storage: fault.storage, environment: "staging" });
    const evaluation = await manager.getFlags(who);
    expect(evaluation).toMatchObject({
      source: "environment",
      stale: false,
      revision: -1,
      version: undefined,
    });
    expect(evaluation.error?.code).toBe("STORAGE_UNAVAILABLE");
    expect(evaluation.config.plan).toBe("trial");
  });

  it("caches no failure as an answer: each call asks again, and recovers without a restart", async () => {
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const fault = failingStorage(memory);
    fault.down = true;
    const { manager, clock } = planManager({ storage: fault.storage });
    for (let time = 1; time <= 3; time += 1) {
      expect((await manager.getFlags(who)).source).toBe("default");
      expect(manager.peek(who)).toBeUndefined();
      expect(fault.reads).toBe(time);
    }
    fault.down = false;
    await clock.advance(1_000);
    expect(await manager.getFlags(who)).toMatchObject({ source: "customer_override", error: undefined });
    expect(manager.peek(who)?.config.plan).toBe("gold");
    expect(manager.getStats().storageErrors).toBe(3);
  });

  it("keeps an invalidated answer as the last known one", async () => {
    const fault = failingStorage(memoryStorage());
    const { manager } = planManager({ storage: fault.storage });
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await manager.getFlags(who);
    manager.invalidateCache("cust_1");
    fault.down = true;
    expect(await manager.getFlags(who)).toMatchObject({ stale: true, config: { plan: "gold" } });
    expect(manager.peek(who)).toBeUndefined();
    fault.down = false;
    expect(await manager.getFlags(who)).toMatchObject({ stale: false, error: undefined });
  });

  it("opens a storage that could not be opened at the next question", async () => {
    let attempts = 0;
    const { manager } = planManager({
      storage: async () => {
        attempts += 1;
        if (attempts < 3) throw new Error("no such host");
        return memoryStorage();
      },
    });
    expect((await manager.getFlags(who)).error?.message).toContain("no such host");
    expect((await manager.getFlags(who)).error?.code).toBe("STORAGE_UNAVAILABLE");
    expect((await manager.getFlags(who)).error).toBeUndefined();
    expect(attempts).toBe(3);
  });

  it("logs the outage once, not once per question", async () => {
    const fault = failingStorage(memoryStorage());
    fault.down = true;
    const log = recordedLog();
    const { manager } = planManager({ storage: fault.storage, log });
    for (let time = 0; time < 50; time += 1) await manager.getFlags({ customerId: `cust_${time}` });
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "The database is out of reach."],
      ["error", "Storage is lost, answers may be stale: The database is out of reach."],
    ]);
  });

  it("rejects a write and changes nothing", async () => {
    const memory = memoryStorage();
    const fault = failingStorage(memory);
    const { manager } = planManager({ storage: fault.storage });
    fault.down = true;
    await expect(manager.setCustomerFlags("cust_1", { plan: "gold" })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
    });
    expect((await memory.readState()).revision).toBe(0);
  });
});

describe("getFlags never rejects", () => {
  it("not when storage rejects with something that is no error", async () => {
    const { manager } = planManager({
      storage: { ...memoryStorage(), readTenant: () => Promise.reject("plain text") },
    });
    const { error, source } = await manager.getFlags(who);
    expect(source).toBe("default");
    expect(error).toMatchObject({ code: "STORAGE_UNAVAILABLE", cause: "plain text" });
  });

  it.each(["null", "5", "{}", '{"customer":5}'])(
    "not when storage answers with nonsense: %s",
    async (json) => {
      const { manager } = planManager({
        storage: { ...memoryStorage(), readTenant: async () => JSON.parse(json) },
      });
      expect((await manager.getFlags(who)).config.plan).toBe("free");
      expect((await manager.getFlags(who)).config.plan).toBe("free");
    },
  );

  it.each(["null", "5", '"cust_1"', "true"])("not when it is asked with nonsense: %s", async (json) => {
    const { manager } = planManager();
    await manager.getFlags({});
    const evaluation = await manager.getFlags(JSON.parse(json));
    expect(evaluation.error?.code).toBe("INVALID_ID");
    expect(evaluation.error?.message).toContain("with an object");
    await expect(manager.explain(JSON.parse(json))).rejects.toMatchObject({ code: "INVALID_ID" });
  });

  it("not when the log it is given throws", async () => {
    const fault = failingStorage(memoryStorage());
    fault.down = true;
    const broken = () => {
      throw new Error("disk of the log is full");
    };
    const { manager } = planManager({
      storage: fault.storage,
      log: { info: broken, warn: broken, error: broken },
    });
    expect(await manager.getFlags(who)).toMatchObject({ source: "default", config: { plan: "free" } });
    expect(manager.getStats().logFailures).toBe(1);
  });

  it("not after close: it answers with the last known config, and with CLOSED", async () => {
    const { manager } = planManager();
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await manager.getFlags(who);
    manager.invalidateCache("cust_1");
    await manager.close();
    const evaluation = await manager.getFlags(who);
    expect(evaluation.error?.code).toBe("CLOSED");
    expect(evaluation).toMatchObject({ stale: true, config: { plan: "gold" } });
  });
});

describe("one load at a time", () => {
  it("a thousand concurrent misses make one read, and all get its answer", async () => {
    const fault = failingStorage(memoryStorage());
    const { manager } = planManager({ storage: fault.storage });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => manager.getFlags(who)));
    expect(fault.reads).toBe(1);
    expect(new Set(answers).size).toBe(1);
  });

  it("a thousand concurrent misses of a failing storage make one read, too", async () => {
    const fault = failingStorage(memoryStorage());
    fault.down = true;
    const { manager } = planManager({ storage: fault.storage });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => manager.getFlags(who)));
    expect(fault.reads).toBe(1);
    expect(answers.every((answer) => answer.error?.code === "STORAGE_UNAVAILABLE")).toBe(true);
  });

  it("`fresh` makes exactly one read, whatever the cache holds, and what it read is kept", async () => {
    const memory = unannounced(memoryStorage());
    const fault = failingStorage(memory);
    const { manager } = planManager({ storage: fault.storage });
    await manager.getFlags(who);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    expect((await manager.getFlags(who)).config.plan).toBe("free");
    expect((await manager.getFlags(who, { fresh: true })).config.plan).toBe("gold");
    expect(fault.reads).toBe(2);
    expect((await manager.getFlags(who)).config.plan).toBe("gold");
    expect(fault.reads).toBe(2);
  });

  it("`fresh` does not join a load that began before it", async () => {
    const memory = unannounced(memoryStorage());
    const held = heldStorage(memory, "readTenant");
    const { manager } = planManager({ storage: held.storage });
    const old = manager.getFlags(who);
    await held.reached(1);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const fresh = manager.getFlags(who, { fresh: true });
    await held.reached(2);
    held.releaseAll();
    expect((await old).config.plan).toBe("free");
    expect((await fresh).config.plan).toBe("gold");
    expect(held.calls()).toBe(2);
  });
});

describe("a load that began before an invalidation", () => {
  it.each([
    ["of its customer", (manager: Manager) => manager.invalidateCache("cust_1")],
    ["of its organization", (manager: Manager) => manager.invalidateCacheForOrganization("org_1")],
    ["of everything", (manager: Manager) => manager.clearCache()],
  ])("%s never writes its result after it", async (_, invalidate) => {
    const memory = memoryStorage();
    await memory.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    const held = heldStorage(memory, "readTenant");
    const { manager } = planManager({ storage: held.storage });
    const before = manager.getFlags(who);
    await held.reached(1);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    invalidate(manager);
    const after = manager.getFlags(who);
    held.releaseAll();
    expect((await before).config.plan).toBe("free");
    expect((await after).config.plan).toBe("gold");
    await turn();
    expect(manager.peek(who)?.config.plan).toBe("gold");
    expect(held.calls()).toBe(2);
  });

  it("never writes it after a write of this process", async () => {
    const held = heldStorage(memoryStorage(), "readTenant");
    const { manager } = planManager({ storage: held.storage });
    const before = manager.getFlags(who);
    await held.reached(1);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    held.releaseAll();
    expect((await before).config.plan).toBe("free");
    expect(manager.peek(who)).toBeUndefined();
    expect((await manager.getFlags(who)).config.plan).toBe("gold");
  });

  it("never writes it even if a fresh load has overtaken it in between", async () => {
    const memory = unannounced(memoryStorage());
    const held = heldStorage(memory, "readTenant");
    const { manager } = planManager({ storage: held.storage });
    const oldest = manager.getFlags(who);
    await held.reached(1);
    const fresh = manager.getFlags(who, { fresh: true });
    await held.reached(2);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    manager.invalidateCache("cust_1");
    held.releaseAll();
    await Promise.all([oldest, fresh]);
    expect(manager.peek(who)).toBeUndefined();
  });

  it("never puts an older answer in the place of a newer one", async () => {
    const memory = unannounced(memoryStorage());
    const held = heldStorage(memory, "readTenant");
    const { manager } = planManager({ storage: held.storage });
    const old = manager.getFlags(who);
    await held.reached(1);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const fresh = manager.getFlags(who, { fresh: true });
    await held.reached(2);
    await held.release("newest");
    expect((await fresh).config.plan).toBe("gold");
    await held.release("oldest");
    expect((await old).config.plan).toBe("free");
    expect(manager.peek(who)?.config.plan).toBe("gold");
  });
});

type Manager = ReturnType<typeof planManager>["manager"];
