import { describe, expect, it } from "vitest";
import { bucketOf } from "../../lib/feature-flags/core/bucket.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { snapshotOf, snapshotStore } from "./snapshot-store.ts";
import { storeRollout } from "./stored-rollouts.ts";

const who = { customerId: "cust_1" };
const served = Array.from({ length: 50 }, (_, index) => ({ customerId: `cust_${index + 2}` })).find(
  ({ customerId }) => bucketOf("search", customerId) < 50_000,
);

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

describe("rollouts in a start without storage", () => {
  /** As they last were in some storage: at revision 5, serving half. */
  const kept = async () => {
    const memory = memoryStorage();
    await storeRollout(memory);
    return (await memory.listRollouts()).rollouts.map((rollout) => ({ ...rollout, revision: 5 }));
  };
  const search = async (manager: ReturnType<typeof planManager>["manager"]) => {
    const evaluation = await manager.getFlags(served);
    return [evaluation.config.beta.search, evaluation.sourceOf("beta.search"), evaluation.stale];
  };

  it.each([true, false])("are evaluated as they last were (preload: %s)", async (preload) => {
    const store = snapshotStore();
    const memory = memoryStorage();
    await storeRollout(memory);
    const outage = outageStorage(memory);
    const first = planManager({ storage: outage.storage, snapshot: store, preload });
    await first.manager.ready();
    await first.manager.getFlags(who);
    await first.clock.advance(30_000);
    await first.manager.close();
    expect(store.written).toMatchObject([{ revision: 1, rollouts: [{ featureName: "search" }] }]);

    outage.mode = "down";
    const second = planManager({ storage: outage.storage, snapshot: store, preload });
    expect(await search(second.manager)).toEqual([true, "rollout", true]);
    expect(second.manager.rollouts.active()).toMatchObject([{ featureName: "search", revision: 1 }]);
    await storeRollout(memory, { status: "rolled_back" });
    outage.mode = "up";
    await second.clock.advance(4_000);
    expect(await search(second.manager)).toEqual([false, "default", false]);
    await second.manager.close();
  });

  it.each<[string, boolean, "none" | "older"]>([
    ["of another epoch without rollouts", true, "none"],
    ["of another epoch without rollouts", false, "none"],
    ["gone back to an older revision", true, "older"],
    ["gone back to an older revision", false, "older"],
  ])("give way to storage %s (preload: %s)", async (_, preload, has) => {
    const memory = memoryStorage();
    if (has === "older") await storeRollout(memory, { status: "rolled_back" });
    const { epoch } = await memory.readState();
    const outage = outageStorage(memory);
    outage.mode = "down";
    const state = { epoch: has === "older" ? epoch : "another", revision: 9, rollouts: await kept() };
    const { manager, clock } = planManager({
      ...{ storage: outage.storage, snapshot: snapshotStore(snapshotOf("gold", state)), preload },
    });
    expect(await search(manager)).toEqual([true, "rollout", true]);
    outage.mode = "up";
    await clock.advance(4_000);
    expect(await search(manager)).toEqual([false, "default", false]);
    await manager.close();
  });

  it("do not decide what a write is checked against once storage is back", async () => {
    const memory = memoryStorage();
    for (let change = 0; change < 4; change += 1)
      await memory.saveCustomerFlags("other", { note: `${change}` });
    await storeRollout(memory, { status: "rolled_back" });
    const outage = outageStorage(memory);
    outage.mode = "down";
    const snapshot = snapshotStore(
      snapshotOf("gold", { epoch: "another", revision: 9, rollouts: await kept() }),
    );
    const { manager, clock } = planManager({ storage: outage.storage, snapshot });
    expect(await search(manager)).toEqual([true, "rollout", true]);
    outage.mode = "up";
    await clock.advance(4_000);
    // beta.sync needs beta.search, which only the rollout of the other database would give.
    const write = manager.setCustomerFlags(served?.customerId ?? "", { beta: { sync: true } });
    await expect(write).rejects.toMatchObject({ code: "RULE_VIOLATED" });
    await manager.close();
  });

  it("do not replace what storage had said before it was lost", async () => {
    const memory = memoryStorage();
    await storeRollout(memory, { status: "rolled_back" });
    const outage = outageStorage(memory);
    const { manager } = planManager({
      storage: outage.storage,
      snapshot: snapshotStore(snapshotOf("gold", { revision: 9, rollouts: await kept() })),
    });
    await manager.getFlags(who);
    outage.mode = "down";
    expect((await search(manager)).slice(0, 1)).toEqual([false]);
    await manager.close();
  });
});
