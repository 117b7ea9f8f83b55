import { describe, expect, it } from "vitest";
import { VERSION } from "../../lib/feature-flags/core/version.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { heldStorage, unannounced } from "./held-storage.ts";
import { ended, instancesOn } from "./instances.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";

const who = { customerId: "cust_1" };

describe("waiting until a change is everywhere", () => {
  it("resolves once every live instance has it, with how many there are and after how long", async () => {
    const memory = memoryStorage();
    const quiet = unannounced(memory);
    const { clock, managers, begin, close } = instancesOn([memory, memory, quiet]);
    await begin();
    const [first] = managers;
    const { revision = -1 } = (await first?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const start = clock.now();
    const receipt = await ended(first?.waitForPropagation(revision) ?? Promise.reject(new Error()), clock);
    const milliseconds = clock.now() - start;
    expect(receipt).toMatchObject({ value: { revision: 1, instances: 3 } });
    // The third one only polls, every second.
    expect(milliseconds).toBeGreaterThan(500);
    expect(milliseconds).toBeLessThan(1_200);
    for (const manager of managers) expect((await manager.getFlags(who)).config.plan).toBe("gold");
    await close();
  });

  it("is a matter of milliseconds where storage tells of changes", async () => {
    const memory = memoryStorage();
    const { clock, managers, begin, close } = instancesOn([memory, memory, memory]);
    await begin();
    await clock.advance(3_000);
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const receipt = await ended(
      managers[0]?.waitForPropagation(revision) ?? Promise.reject(new Error()),
      clock,
    );
    expect(receipt).toMatchObject({ value: { instances: 3 } });
    expect(receipt).toHaveProperty(
      "value.milliseconds",
      expect.toSatisfy((taken: number) => taken <= 20),
    );
    await close();
  });

  it("is not held up by reports that are put together: what this instance has applied it knows", async () => {
    const { clock, managers, begin, close } = instancesOn([memoryStorage()]);
    await begin();
    await managers[0]?.setCustomerFlags("cust_1", { plan: "first" });
    await clock.advance(10);
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "second" })) ?? {};
    const receipt = await ended(
      managers[0]?.waitForPropagation(revision) ?? Promise.reject(new Error()),
      clock,
    );
    expect(receipt).toHaveProperty(
      "value.milliseconds",
      expect.toSatisfy((taken: number) => taken <= 20),
    );
    await close();
  });

  it("does not wait for this instance's own poll", async () => {
    const { clock, managers, begin, close } = instancesOn([unannounced(memoryStorage())]);
    await begin();
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const receipt = await ended(
      managers[0]?.waitForPropagation(revision) ?? Promise.reject(new Error()),
      clock,
    );
    expect(receipt).toHaveProperty(
      "value.milliseconds",
      expect.toSatisfy((taken: number) => taken <= 60),
    );
    await close();
  });

  it("counts this instance even if it has just begun", async () => {
    const { manager, clock } = planManager();
    await manager.getFlags(who);
    expect(await ended(manager.waitForPropagation(0), clock)).toMatchObject({ value: { instances: 1 } });
    await manager.close();
  });

  it("waits for an instance that has read something and has not heard of any change yet", async () => {
    const memory = memoryStorage();
    const deaf = heldStorage(unannounced(memory), "changesSince");
    const { clock, managers, begin } = instancesOn([memory, deaf.storage]);
    await begin();
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const waiting: Promise<unknown> =
      managers[0]?.waitForPropagation(revision, { timeout: 200 }) ?? Promise.resolve();
    expect(await ended(waiting, clock)).toMatchObject({ error: { code: "NOT_PROPAGATED" } });
    deaf.releaseAll();
    for (const manager of managers) await manager.close();
  });

  it("rejects with NOT_PROPAGATED after the timeout, naming those that lag and where they are", async () => {
    const memory = memoryStorage();
    const deaf = heldStorage(unannounced(memory), "changesSince");
    const { clock, managers, begin } = instancesOn([memory, deaf.storage]);
    await begin();
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const start = clock.now();
    const waiting: Promise<unknown> =
      managers[0]?.waitForPropagation(revision, { timeout: 1_000 }) ?? Promise.resolve();
    expect(await ended(waiting, clock)).toMatchObject({
      error: {
        code: "NOT_PROPAGATED",
        message: expect.stringContaining(
          `1 of 2 instances do not have revision 1 yet: ?:${process.pid} at 0`,
        ),
        details: { revision: 1, instances: 2, lagging: [{ id: "instance-1", revision: 0, self: false }] },
      },
    });
    expect(clock.now() - start).toBe(1_000);
    deaf.releaseAll();
    for (const manager of managers) await manager.close();
  });

  it("does not wait for the dead, nor for one that was closed", async () => {
    const memory = memoryStorage();
    const { clock, managers, begin, close } = instancesOn([memory, memory]);
    await begin();
    const dead = {
      id: "dead",
      pid: 1,
      version: VERSION,
      epoch: "e",
      revision: 0,
      seenAt: clock.now() - 36_000,
    };
    await memory.reportInstance(dead);
    await managers[1]?.close();
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const waiting: Promise<unknown> = managers[0]?.waitForPropagation(revision) ?? Promise.resolve();
    expect(await ended(waiting, clock)).toMatchObject({ value: { instances: 1 } });
    await close();
  });

  it("takes no instance for current that still lives in another epoch, however high its revision", async () => {
    const memory = memoryStorage();
    const { clock, managers, begin, close } = instancesOn([memory]);
    await begin();
    const before = { pid: 1, version: VERSION, epoch: "before the restore", revision: 500 };
    await memory.reportInstance({ ...before, id: "behind", seenAt: clock.now() });
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const waiting: Promise<unknown> =
      managers[0]?.waitForPropagation(revision, { timeout: 100 }) ?? Promise.resolve();
    expect(await ended(waiting, clock)).toMatchObject({
      error: { code: "NOT_PROPAGATED", details: { lagging: [{ id: "behind" }] } },
    });
    await close();
  });

  it("rejects with what is wrong where storage cannot say", async () => {
    const outage = outageStorage(memoryStorage());
    const { clock, managers, begin, close } = instancesOn([outage.storage]);
    await begin();
    outage.mode = "down";
    const waiting: Promise<unknown> = managers[0]?.waitForPropagation(0) ?? Promise.resolve();
    expect(await ended(waiting, clock)).toMatchObject({ error: { code: "STORAGE_UNAVAILABLE" } });
    await expect(managers[0]?.instances()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    await close();
  });

  it("ends with the manager", async () => {
    const memory = memoryStorage();
    const deaf = heldStorage(unannounced(memory), "changesSince");
    const { clock, managers, begin } = instancesOn([memory, deaf.storage]);
    await begin();
    const { revision = -1 } = (await managers[0]?.setCustomerFlags("cust_1", { plan: "gold" })) ?? {};
    const waiting: Promise<unknown> = managers[0]?.waitForPropagation(revision) ?? Promise.resolve();
    await clock.advance(50);
    await managers[0]?.close();
    expect(await ended(waiting, clock)).toMatchObject({ error: { code: "CLOSED" } });
    deaf.releaseAll();
    await managers[1]?.close();
    await clock.advance(1_000);
    expect(clock.timers()).toBe(0);
  });
});
