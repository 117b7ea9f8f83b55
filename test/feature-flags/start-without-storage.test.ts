import { expect, it } from "vitest";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { snapshotOf, snapshotStore } from "./snapshot-store.ts";

const who = { customerId: "cust_1" };

it("a start without storage serves what was last true, stale and with its age, and storage again once that is back", async () => {
  const memory = memoryStorage();
  await memory.saveCustomerFlags("cust_1", { plan: "platinum" });
  const outage = outageStorage(memory);
  outage.mode = "down";
  const { manager, clock } = planManager({
    storage: outage.storage,
    snapshot: snapshotStore(snapshotOf("gold", { memberships: [["member", "org_1"]] })),
  });
  for (let time = 0; time < 5; time += 1) {
    expect(await manager.getFlags(who)).toMatchObject({
      config: { plan: "gold" },
      source: "customer_override",
      stale: true,
      evaluatedAt: 1_000,
      revision: 1,
      error: { code: "STORAGE_UNAVAILABLE" },
    });
  }
  expect(await manager.getFlags({ customerId: "member" })).toMatchObject({
    source: "default",
    stale: true,
  });
  expect(manager.peek(who)).toBeUndefined();
  expect(manager.getCacheStats()).toMatchObject({ size: 0, staleAnswers: 6 });
  outage.mode = "up";
  await clock.advance(4_000);
  expect(await manager.getFlags(who)).toMatchObject({
    ...{ config: { plan: "platinum" }, stale: false, error: undefined },
  });
  await manager.close();
});

it.each([true, false])(
  "the last good state is kept by a manager for the next one (preload: %s)",
  async (preload) => {
    const store = snapshotStore();
    const memory = memoryStorage();
    const outage = outageStorage(memory);
    const first = planManager({ storage: outage.storage, snapshot: store, preload });
    await first.manager.ready();
    await first.manager.setCustomerFlags("cust_1", { plan: "gold" });
    await first.manager.getFlags(who);
    await first.clock.advance(60_000);
    await first.manager.close();
    expect(store.written.at(-1)?.revision).toBe(1);
    outage.mode = "down";
    const second = planManager({ storage: outage.storage, snapshot: store, preload });
    expect(await second.manager.getFlags(who)).toMatchObject({ config: { plan: "gold" }, stale: true });
    await second.manager.close();
    expect(store.written).toHaveLength(1);
  },
);

it("atLeast is never answered from a snapshot", async () => {
  const outage = outageStorage(memoryStorage());
  outage.mode = "down";
  const snapshot = snapshotStore(snapshotOf("gold", { revision: 9 }));
  const { manager } = planManager({ storage: outage.storage, snapshot });
  await expect(manager.getFlags(who, { atLeast: 5 })).rejects.toMatchObject({
    code: "STORAGE_UNAVAILABLE",
  });
  await manager.close();
});
