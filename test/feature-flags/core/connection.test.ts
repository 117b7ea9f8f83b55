import { expect, it } from "vitest";
import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { planManager } from "../plan-flags.ts";

it("opens the storage once, when it is first needed, however many need it", async () => {
  let opened = 0;
  const connection = new StorageConnection(async () => {
    opened += 1;
    return memoryStorage();
  });
  expect(opened).toBe(0);
  await Promise.all(Array.from({ length: 10 }, () => connection.read((storage) => storage.readState())));
  expect(opened).toBe(1);
  await connection.close();
});

it("opens it again at the next need if that failed", async () => {
  let attempts = 0;
  const connection = new StorageConnection(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("no such file");
    return memoryStorage();
  });
  const read = () => connection.read((storage) => storage.readState());
  await expect(read()).rejects.toMatchObject({ message: expect.stringContaining("no such file") });
  await expect(read()).resolves.toMatchObject({ revision: 0 });
  await connection.close();
});

it("closes what it opened, and leaves open what it was handed", async () => {
  const [own, handed] = [memoryStorage(), memoryStorage()];
  const opening = planManager({ storage: async () => own }).manager;
  const borrowing = planManager({ storage: handed }).manager;
  for (const manager of [opening, borrowing]) {
    await manager.getFlags();
    await manager.close();
  }
  await expect(own.readState()).rejects.toMatchObject({ code: "CLOSED" });
  await expect(handed.readState()).resolves.toMatchObject({ revision: 0 });
});

it("closes a storage that was never needed by not opening it", async () => {
  let opened = 0;
  const { manager } = planManager({
    storage: async () => {
      opened += 1;
      return memoryStorage();
    },
  });
  await manager.close();
  await manager.getFlags();
  expect(opened).toBe(0);
});

it("closes it once, however often it is told to", async () => {
  let closed = 0;
  const storage = {
    ...memoryStorage(),
    close: async () => {
      closed += 1;
    },
  };
  const { manager } = planManager({ storage: async () => storage });
  await manager.getFlags();
  await Promise.all([manager.close(), manager.close()]);
  await manager.close();
  expect(closed).toBe(1);
});

it("refuses every use after closing, with CLOSED", async () => {
  const { manager } = planManager();
  await manager.close();
  await expect(manager.setCustomerFlags("cust_1", { plan: "x" })).rejects.toMatchObject({ code: "CLOSED" });
  await expect(manager.explain({ customerId: "cust_1" })).rejects.toMatchObject({ code: "CLOSED" });
  await expect(manager.ailingOverrides().next()).rejects.toMatchObject({ code: "CLOSED" });
});
