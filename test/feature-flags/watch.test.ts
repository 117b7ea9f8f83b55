import { describe, expect, it } from "vitest";
import type { FeatureFlagManager, TenantContext } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { changeablePlaces } from "./changeable-places.ts";
import { heldStorage, turn, unannounced } from "./held-storage.ts";
import { outageStorage } from "./outage-storage.ts";
import { type PlanFlags, planManager } from "./plan-flags.ts";
import { recordedLog } from "./recorded-log.ts";

const who = { customerId: "cust_1" };

/** What a listener is told, as "path: old -> new", one entry per call. */
function watched(manager: FeatureFlagManager<PlanFlags>, context: TenantContext) {
  const told: string[] = [];
  const off = manager.on(
    "change",
    ({ changes }) => {
      told.push(
        changes.map(({ path, oldValue, newValue }) => `${path}: ${oldValue} -> ${newValue}`).join(", "),
      );
    },
    context,
  );
  return { told, off };
}

describe("a watch", () => {
  it("tells a change made here once, with old and new value of every path", async () => {
    const { manager, clock } = planManager();
    const { told } = watched(manager, who);
    await clock.advance(0);
    await manager.setCustomerFlags("cust_1", { plan: "gold", limits: { maxSeats: 9 } });
    await clock.advance(5_000);
    expect(told).toEqual(["limits.maxSeats: 5 -> 9, plan: free -> gold"]);
    await manager.unsetCustomerFlags("cust_1", ["plan"]);
    await clock.advance(5_000);
    expect(told.slice(1)).toEqual(["plan: gold -> free"]);
    await manager.close();
  });

  it.each([false, true])(
    "tells what another manager changes, once and in order (preload: %s)",
    async (preload) => {
      const memory = memoryStorage();
      const { manager, clock } = planManager({ storage: memory, preload });
      const other = planManager({ storage: memory, clock }).manager;
      await manager.ready();
      const { told } = watched(manager, who);
      await clock.advance(0);
      for (const plan of ["a", "b", "c"]) {
        await other.setCustomerFlags("cust_1", { plan });
        await clock.advance(100);
      }
      await clock.advance(5_000);
      expect(told).toEqual(["plan: free -> a", "plan: a -> b", "plan: b -> c"]);
      await manager.close();
      await other.close();
    },
  );

  it("tells it of exactly the tenants whose answer it changes", async () => {
    const memory = memoryStorage();
    await memory.registerCustomers([{ id: "member", organizationId: "org_1" }, { id: "moving" }]);
    const { manager, clock } = planManager({ storage: memory });
    const watches = new Map(
      (
        [
          ["the customer", { customerId: "cust_1" }],
          ["another customer", { customerId: "cust_12" }],
          ["its member by directory", { customerId: "member" }],
          ["its member by name", { customerId: "x", organizationId: "org_1" }],
          ["the organization", { organizationId: "org_1" }],
          ["another organization", { organizationId: "org_12" }],
          ["nobody", {}],
        ] as const
      ).map(([name, context]) => [name, watched(manager, context)]),
    );
    await clock.advance(0);
    const toldNow = () =>
      [...watches].filter(([, { told }]) => told.splice(0).length > 0).map(([name]) => name);
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    await clock.advance(2_000);
    expect(toldNow()).toEqual(["its member by directory", "its member by name", "the organization"]);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(2_000);
    expect(toldNow()).toEqual(["the customer"]);
    await memory.registerCustomers([{ id: "cust_12", organizationId: "org_1" }]);
    await clock.advance(2_000);
    expect(toldNow()).toEqual(["another customer"]);
    await manager.setCustomerFlags("member", { plan: "team" });
    await clock.advance(2_000);
    expect(toldNow()).toEqual([]);
    await manager.close();
  });

  it("hands out what cannot be changed, with the evaluation that holds now", async () => {
    const { manager, clock } = planManager();
    const seen: object[] = [];
    const asked = { customerId: "cust_1" };
    manager.on("change", (change) => seen.push(change), asked);
    asked.customerId = "somebody else";
    await clock.advance(0);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(0);
    expect(seen).toMatchObject([
      {
        context: who,
        changes: [{ path: "plan", oldValue: "free", newValue: "gold" }],
        evaluation: { revision: 1 },
      },
    ]);
    expect(seen.flatMap((change) => changeablePlaces(change))).toEqual([]);
    await manager.close();
  });

  it("tells everything that differs after a restored database", async () => {
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const old = unannounced(memoryStorage());
    let current = unannounced(memory);
    const { manager, clock } = planManager({
      storage: {
        ...current,
        readTenant: (context) => current.readTenant(context),
        readState: () => current.readState(),
        changesSince: (revision, limit) => current.changesSince(revision, limit),
      },
    });
    const { told } = watched(manager, who);
    await clock.advance(0);
    current = old;
    await clock.advance(3_000);
    expect(told).toEqual(["plan: gold -> free"]);
    await manager.close();
  });

  it("is told no more once it has ended, not even of what is being looked at", async () => {
    const memory = memoryStorage();
    const held = heldStorage(memory, "readTenant");
    const { manager, clock } = planManager({ storage: held.storage });
    const { told, off } = watched(manager, who);
    await held.reached(1);
    await held.release("oldest");
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await held.reached(2);
    off();
    held.releaseAll();
    await clock.advance(2_000);
    await manager.setCustomerFlags("cust_1", { plan: "platinum" });
    await clock.advance(2_000);
    expect([told, held.calls()]).toEqual([[], 2]);
    await manager.close();
  });

  it("refuses a context that can never have an answer", () => {
    const { manager } = planManager();
    expect(() => manager.on("change", () => {}, { customerId: "" })).toThrow(
      expect.objectContaining({ code: "INVALID_ID" }),
    );
  });
});

describe("a listener that throws", () => {
  it("stops nobody, is told again, and is in the log", async () => {
    const log = recordedLog();
    const { manager, clock } = planManager({ log });
    let calls = 0;
    manager.on(
      "change",
      () => {
        calls += 1;
        throw new Error("no handler for plan");
      },
      who,
    );
    const { told } = watched(manager, who);
    await clock.advance(0);
    for (const plan of ["a", "b"]) {
      await manager.setCustomerFlags("cust_1", { plan });
      await clock.advance(100);
    }
    expect([calls, told]).toEqual([2, ["plan: free -> a", "plan: a -> b"]]);
    expect(log.lines).toMatchObject([
      { level: "error", facts: { error: { message: "no handler for plan" } } },
    ]);
    await manager.close();
  });

  it("later, in a promise, is in the log too, and no unhandled rejection", async () => {
    const log = recordedLog();
    const outage = outageStorage(memoryStorage());
    const { manager, clock } = planManager({ log, storage: outage.storage });
    const failing = (of: string) => (): unknown => Promise.reject(new Error(of));
    manager.on("change", failing("of a change"), who);
    manager.on("stale", failing("of an outage"));
    await clock.advance(0);
    await manager.setCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(100);
    outage.mode = "down";
    await clock.advance(60_000);
    const reported = log.lines.filter(({ message }) => message.includes("listener"));
    expect(reported.map(({ facts }) => facts)).toMatchObject([
      { error: { message: "of a change" } },
      { error: { message: "of an outage" } },
    ]);
    await manager.close();
  });
});

describe("while storage cannot be asked", () => {
  it("nothing is told, and what changed meanwhile is told once it is back", async () => {
    const memory = unannounced(memoryStorage());
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const outage = outageStorage(memory);
    const { manager, clock } = planManager({ storage: outage.storage, environment: "staging" });
    const { told } = watched(manager, who);
    await clock.advance(0);
    outage.mode = "down";
    await clock.advance(3_600_000);
    await memory.saveCustomerFlags("cust_1", { plan: "platinum" });
    expect(told).toEqual([]);
    outage.mode = "up";
    await clock.advance(10_000);
    expect(told).toEqual(["plan: gold -> platinum"]);
    await manager.close();
  });

  it("a change whose look failed is told by a later look, though nothing changes any more", async () => {
    const memory = unannounced(memoryStorage());
    const outage = outageStorage(memory);
    const { manager, clock } = planManager({ storage: outage.storage });
    const { told } = watched(manager, who);
    await clock.advance(0);
    outage.modes.set("readTenant", "down");
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    await clock.advance(5_000);
    expect(told).toEqual([]);
    outage.modes.clear();
    await clock.advance(10_000);
    expect(told).toEqual(["plan: free -> gold"]);
    await manager.close();
  });

  it("a watch that begins then compares against no fallback: it tells what changes after the first true answer", async () => {
    const memory = unannounced(memoryStorage());
    await memory.saveCustomerFlags("cust_1", { plan: "gold" });
    const outage = outageStorage(memory);
    outage.mode = "down";
    const { manager, clock } = planManager({ storage: outage.storage });
    const { told } = watched(manager, who);
    await clock.advance(20_000);
    outage.mode = "up";
    await clock.advance(10_000);
    expect(told).toEqual([]);
    await memory.saveCustomerFlags("cust_1", { plan: "platinum" });
    await clock.advance(3_000);
    expect(told).toEqual(["plan: gold -> platinum"]);
    await manager.close();
  });

  it("looking again costs a lost storage nothing, and ends with the manager", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "down";
    const { manager, clock } = planManager({ storage: outage.storage });
    for (let watch = 0; watch < 100; watch += 1) watched(manager, { customerId: `cust_${watch}` });
    await turn();
    expect(clock.timers()).toBeLessThan(5);
    outage.calls.length = 0;
    await clock.advance(60_000);
    expect(outage.calls.length).toBeLessThan(30);
    await manager.close();
    await clock.advance(2_000);
    expect(clock.timers()).toBe(0);
  });
});
