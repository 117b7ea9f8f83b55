import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { failingStorage } from "../failing-storage.ts";
import { unannounced } from "../held-storage.ts";
import { planManager } from "../plan-flags.ts";

const who = { customerId: "cust_1" };

/** What the database says of itself is moved by hand: another epoch, another newest revision. */
function shifted(memory: FlagStorage) {
  const shift = { epoch: "", revisions: 0, states: 0, pages: 0 };
  const storage: FlagStorage = {
    ...unannounced(memory),
    async readTenant(context) {
      const record = await memory.readTenant(context);
      return { ...record, epoch: record.epoch + shift.epoch, revision: record.revision + shift.revisions };
    },
    async readState() {
      shift.states += 1;
      const state = await memory.readState();
      return { epoch: state.epoch + shift.epoch, revision: state.revision + shift.revisions };
    },
    async changesSince(revision, limit) {
      shift.pages += 1;
      const page = await memory.changesSince(revision, limit);
      return { ...page, epoch: page.epoch + shift.epoch, revision: page.revision + shift.revisions };
    },
  };
  return Object.assign(shift, { storage });
}

describe("following changes made elsewhere", () => {
  it("ends the cached answers they concern, and no others", async () => {
    const memory = unannounced(memoryStorage());
    const { manager } = planManager({ storage: memory });
    const other = planManager({ storage: memory }).manager;
    const contexts = [who, { customerId: "cust_12" }, { customerId: "c", organizationId: "org_1" }];
    for (const context of contexts) await manager.getFlags(context);
    await other.setCustomerFlags("cust_1", { plan: "gold" });
    await manager.catchUp();
    expect(contexts.map((context) => manager.peek(context)?.config.plan)).toEqual([
      undefined,
      "free",
      "free",
    ]);
    await other.setOrganizationFlags("org_1", { plan: "team" });
    await manager.catchUp();
    expect((await manager.getFlags({ customerId: "c", organizationId: "org_1" })).config.plan).toBe("team");
    expect(manager.peek({ customerId: "cust_12" })?.config.plan).toBe("free");
  });

  it("hears of them at once where storage tells, and by polling where it does not", async () => {
    const loud = memoryStorage();
    const quiet = unannounced(memoryStorage());
    for (const [storage, milliseconds] of [
      [loud, 0],
      [quiet, 1_100],
    ] as const) {
      const { manager, clock } = planManager({ storage });
      const other = planManager({ storage }).manager;
      await manager.getFlags(who);
      await clock.advance(0);
      await other.setCustomerFlags("cust_1", { plan: "gold" });
      await clock.advance(milliseconds);
      expect((await manager.getFlags(who)).config.plan).toBe("gold");
    }
  });

  it("reads a long gap page by page, in order", async () => {
    const memory = memoryStorage();
    const shift = shifted(memory);
    const { manager } = planManager({ storage: shift.storage });
    await manager.getFlags({ customerId: "cust_2400" });
    for (let change = 0; change < 2_500; change += 1) {
      await memory.saveCustomerFlags(`cust_${change}`, { plan: `p${change}` });
    }
    shift.pages = 0;
    await manager.catchUp();
    expect([shift.pages, shift.states]).toEqual([3, 0]);
    expect((await manager.getFlags({ customerId: "cust_2400" })).config.plan).toBe("p2400");
  });

  it("goes on polling after storage was away, and applies what it missed", async () => {
    const memory = unannounced(memoryStorage());
    const fault = failingStorage(memory);
    const { manager, clock } = planManager({ storage: fault.storage, cache: { ttl: 86_400_000 } });
    await manager.getFlags(who);
    fault.down = true;
    await clock.advance(60_000);
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    fault.down = false;
    await clock.advance(40_000);
    expect((await manager.getFlags(who)).config.plan).toBe("gold");
    await manager.close();
  });

  it("catches up with all that was committed before the call, whoever called before", async () => {
    const memory = unannounced(memoryStorage());
    const { manager } = planManager({ storage: memory });
    await manager.getFlags(who);
    const early = manager.catchUp();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await manager.catchUp();
    expect((await manager.getFlags(who)).config.plan).toBe("gold");
    await early;
  });

  it("rejects a catching up that storage cannot answer", async () => {
    const fault = failingStorage(memoryStorage());
    const { manager } = planManager({ storage: fault.storage });
    await manager.getFlags(who);
    fault.down = true;
    await expect(manager.catchUp()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });

  it("ends with the manager: no timers are left", async () => {
    const { manager, clock } = planManager({ storage: unannounced(memoryStorage()) });
    await manager.getFlags(who);
    await manager.close();
    await clock.advance(60_000);
    expect(clock.timers()).toBe(0);
  });
});

describe("an answer older than what has been applied", () => {
  it("is given, but not kept", async () => {
    const memory = memoryStorage();
    const lagging = { isBehind: false };
    const storage: FlagStorage = {
      ...unannounced(memory),
      async readTenant(context) {
        const record = await memory.readTenant(context);
        return lagging.isBehind ? { ...record, customer: undefined, revision: 0 } : record;
      },
    };
    const { manager } = planManager({ storage });
    await manager.getFlags({ customerId: "cust_9" });
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await manager.catchUp();
    lagging.isBehind = true;
    expect((await manager.getFlags(who)).config.plan).toBe("free");
    expect(manager.peek(who)).toBeUndefined();
    lagging.isBehind = false;
    expect((await manager.getFlags(who)).config.plan).toBe("gold");
  });
});

describe("everything is read anew", () => {
  it("after a restore from a backup: another epoch", async () => {
    const memory = memoryStorage();
    const shift = shifted(memory);
    const { manager } = planManager({ storage: shift.storage });
    await manager.getFlags(who);
    await memory.saveCustomerFlags("cust_1", { plan: "of another life" });
    shift.epoch = "-restored";
    await manager.catchUp();
    expect(manager.getCacheStats().size).toBe(0);
    expect((await manager.getFlags(who)).config.plan).toBe("of another life");
    expect(manager.peek(who)?.config.plan).toBe("of another life");
  });

  it("once a read meets another epoch, whose answer is not kept before", async () => {
    const shift = shifted(memoryStorage());
    const { manager, clock } = planManager({ storage: shift.storage });
    await manager.getFlags(who);
    shift.epoch = "-restored";
    await manager.getFlags({ customerId: "cust_2" });
    await clock.advance(0);
    expect(manager.peek(who)).toBeUndefined();
    await manager.getFlags({ customerId: "cust_2" });
    expect(manager.peek({ customerId: "cust_2" })).toBeDefined();
  });

  it("after a restore that kept the epoch: revisions that go back", async () => {
    const shift = shifted(memoryStorage());
    shift.revisions = 5;
    const { manager } = planManager({ storage: shift.storage });
    await manager.getFlags(who);
    shift.revisions = 2;
    await manager.catchUp();
    expect(manager.getCacheStats().size).toBe(0);
    await manager.getFlags(who);
    expect(manager.peek(who)?.revision).toBe(2);
  });

  it("past ten thousand missed revisions, and not before", async () => {
    const shift = shifted(memoryStorage());
    const { manager } = planManager({ storage: shift.storage });
    await manager.getFlags(who);
    shift.revisions = 10_000;
    await manager.catchUp();
    expect([shift.states, manager.getCacheStats().size]).toEqual([0, 1]);
    shift.revisions = 10_001;
    await manager.catchUp();
    expect([shift.states, manager.getCacheStats().size]).toEqual([1, 0]);
  });

  it.each([0, 7])(
    "where the feed tells of a revision that cannot follow (%d), and once",
    async (revision) => {
      const memory = unannounced(memoryStorage());
      let pages = 0;
      const changesSince: FlagStorage["changesSince"] = async (after, limit) => {
        pages += 1;
        const page = await memory.changesSince(after, limit);
        return { ...page, events: [...page.events, { revision, scope: "customer", id: "cust_1" }] };
      };
      const { manager } = planManager({ storage: { ...memory, changesSince } });
      await manager.getFlags(who);
      await memory.saveCustomerFlags("cust_1", { plan: "gold" });
      await manager.catchUp();
      expect([pages, manager.getCacheStats().size]).toEqual([1, 0]);
      expect((await manager.getFlags(who)).config.plan).toBe("gold");
    },
  );
});
