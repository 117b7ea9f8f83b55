import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { failingStorage } from "../failing-storage.ts";
import { heldStorage, turn, unannounced } from "../held-storage.ts";
import { planManager } from "../plan-flags.ts";

const who = { customerId: "cust_1" };

/** A storage that counts the reads of single tenants. */
function counted(storage: FlagStorage) {
  const count = { reads: 0 };
  return Object.assign(count, {
    storage: {
      ...storage,
      readTenant: (context: Parameters<FlagStorage["readTenant"]>[0]) => {
        count.reads += 1;
        return storage.readTenant(context);
      },
    },
  });
}

describe("with everything in memory", () => {
  it("peek answers for everybody, from the first call on, without reading a tenant", async () => {
    const memory = memoryStorage();
    await memory.registerCustomers([{ id: "member", organizationId: "org_1" }]);
    await memory.saveOrganizationFlags("org_1", { plan: "team" });
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const count = counted(memory);
    const { manager } = planManager({ storage: count.storage, preload: true });
    expect(manager.peek(who)).toBeUndefined();
    await manager.ready();
    const plans = [
      who,
      { customerId: "member" },
      { customerId: "stranger" },
      { customerId: "stranger", organizationId: "org_1" },
      { organizationId: "org_1" },
      {},
    ].map((context) => manager.peek(context)?.config.plan);
    expect(plans).toEqual(["gold", "team", "free", "team", "team", "free"]);
    expect((await manager.getFlags(who)).source).toBe("customer_override");
    expect(changeablePlaces(manager.peek(who))).toEqual([]);
    expect(count.reads).toBe(0);
    await manager.close();
  });

  it("follows what another manager writes: overrides, single customers, and many at once", async () => {
    const memory = unannounced(memoryStorage());
    const { manager } = planManager({ storage: memory, preload: true });
    const other = planManager({ storage: memory }).manager;
    await manager.ready();
    const plan = () => manager.peek(who)?.config.plan;
    expect(plan()).toBe("free");
    await other.setOrganizationFlags("org_1", { plan: "team" });
    await memory.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await manager.catchUp();
    expect(plan()).toBe("team");
    await memory.registerCustomers([{ id: "cust_1", organizationId: "org_2" }, { id: "cust_2" }]);
    await manager.catchUp();
    expect(plan()).toBe("free");
    await other.setCustomerFlags("cust_1", { plan: "gold" });
    await manager.catchUp();
    expect(plan()).toBe("gold");
    await other.unsetCustomerFlags("cust_1", ["plan"]);
    await memory.registerCustomers([{ id: "cust_1" }]);
    await manager.catchUp();
    expect(plan()).toBe("free");
    await manager.close();
  });

  it("goes on answering when the cached answer has expired", async () => {
    const { manager, clock } = planManager({ preload: true });
    await manager.ready();
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    expect(manager.peek(who)?.config.plan).toBe("gold");
    await clock.advance(3_600_000);
    expect(manager.peek(who)?.config.plan).toBe("gold");
    await manager.close();
  });

  it("shows a write of its own to the next read, even while everything is being read anew", async () => {
    const memory = unannounced(memoryStorage());
    const held = heldStorage(memory, "listOverrides");
    let epoch = "";
    const storage: FlagStorage = {
      ...held.storage,
      readState: async () => ({ ...(await memory.readState()), epoch }),
      changesSince: async (revision, limit) => ({ ...(await memory.changesSince(revision, limit)), epoch }),
    };
    const { manager } = planManager({ storage, preload: true });
    await held.reached(1);
    await held.release("oldest");
    await manager.ready();
    epoch = "restored";
    const catchingUp = manager.catchUp();
    await held.reached(2);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    expect(manager.peek(who)?.config.plan).toBe("gold");
    held.releaseAll();
    for (let waited = 0; waited < 20; waited += 1) {
      await Promise.resolve();
      expect(manager.peek(who)?.config.plan).toBe("gold");
    }
    await catchingUp;
    expect(manager.peek(who)?.config.plan).toBe("gold");
    await manager.close();
  });
});

describe("a first load that fails", () => {
  it("rejects ready, answers from storage once that is back, and is tried again by itself", async () => {
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const fault = failingStorage(memory);
    fault.down = true;
    const { manager, clock } = planManager({ storage: fault.storage, preload: true });
    await expect(manager.ready()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(manager.peek(who)).toBeUndefined();
    expect((await manager.getFlags(who)).error?.code).toBe("STORAGE_UNAVAILABLE");
    fault.down = false;
    await clock.advance(10_000);
    expect(manager.peek(who)?.config.plan).toBe("gold");
    await expect(manager.ready()).resolves.toBeUndefined();
    await manager.close();
  });

  it("is taken whole or not at all: half of it is no answer", async () => {
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const storage: FlagStorage = {
      ...memory,
      listCustomers: () => Promise.reject(new Error("connection reset")),
    };
    const { manager } = planManager({ storage, preload: true });
    await expect(manager.ready()).rejects.toThrow("connection reset");
    expect(manager.peek(who)).toBeUndefined();
    await manager.close();
  });

  it("is not tried more often because more are waiting for it", async () => {
    const fault = failingStorage(memoryStorage());
    let loads = 0;
    const storage: FlagStorage = {
      ...fault.storage,
      readState: () => {
        loads += 1;
        return fault.storage.readState();
      },
    };
    fault.down = true;
    const { manager, clock } = planManager({ storage, preload: true });
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await expect(manager.ready()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    }
    loads = 0;
    await clock.advance(10_000);
    expect(loads).toBeLessThan(15);
    expect(clock.timers()).toBeLessThan(5);
    await manager.close();
  });

  it("is not tried any more once the manager is closed", async () => {
    const fault = failingStorage(memoryStorage());
    fault.down = true;
    const { manager, clock } = planManager({ storage: fault.storage, preload: true });
    await turn();
    await manager.close();
    await clock.advance(60_000);
    expect(clock.timers()).toBe(0);
  });

  it("leaves no timer either if the manager was closed while it ran", async () => {
    const held = heldStorage(memoryStorage(), "listOverrides");
    const { manager, clock } = planManager({ storage: held.storage, preload: true });
    await held.reached(1);
    await manager.close();
    held.releaseAll();
    await clock.advance(60_000);
    expect(clock.timers()).toBe(0);
  });
});
