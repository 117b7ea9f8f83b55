import { describe, expect, it } from "vitest";
import type { FlagObject } from "../../lib/feature-flags/core/types.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { manualClock } from "../../lib/testing/index.ts";

describe("the memory storage", () => {
  it("says when flags were saved by the clock it is given", async () => {
    const clock = manualClock(5_000);
    const storage = memoryStorage({ clock });
    await storage.saveCustomerFlags("cust_1", { beta: true }, "ada");
    await clock.advance(70);
    await storage.saveOrganizationFlags("org_1", { beta: true }, "ada");
    expect((await storage.getCustomerOverride("cust_1"))?.updatedAt).toBe(5_000);
    expect((await storage.listChanges({ limit: 1 }))[0]?.changedAt).toBe(5_070);
  });

  it("holds data of its own, in an epoch of its own", async () => {
    const [one, two] = [memoryStorage(), memoryStorage()];
    await one.saveCustomerFlags("cust_1", { beta: true });
    expect(await two.getCustomerOverride("cust_1")).toBeUndefined();
    expect((await one.readState()).epoch).not.toBe((await two.readState()).epoch);
    expect((await memoryStorage({ epoch: "named" }).readState()).epoch).toBe("named");
  });

  it("refuses what JSON has no form for, and writes nothing of it", async () => {
    const storage = memoryStorage();
    const cycle: { [key: string]: FlagObject } = {};
    cycle["itself"] = cycle;
    const write = storage.writeOverride({
      tenant: { kind: "customer", id: "cust_1" },
      changeId: "change-1",
      changedBy: "ada",
      changedAt: 1,
      reason: "none",
      audit: "best-effort",
      decide: () => ({ flags: cycle, changes: [] }),
    });
    await expect(write).rejects.toMatchObject({ code: "INVALID_PATCH" });
    expect(await storage.readState()).toMatchObject({ revision: 0 });
    expect(await storage.getCustomerOverride("cust_1")).toBeUndefined();
  });

  it("hands out rows that are frozen all the way down", async () => {
    const storage = memoryStorage();
    await storage.saveCustomerFlags("cust_1", { list: [{ deep: {} }] });
    const flags = (await storage.getCustomerOverride("cust_1"))?.flags;
    const waiting: unknown[] = [flags];
    for (const value of waiting) {
      expect(Object.isFrozen(value)).toBe(true);
      if (typeof value === "object" && value !== null) waiting.push(...Object.values(value));
    }
    expect(waiting).toHaveLength(4);
  });

  it("bears a subscriber that throws, and a log that does so too", async () => {
    const failing = () => {
      throw new Error("The disk is full.");
    };
    const storage = memoryStorage({ log: { info: failing, warn: failing, error: failing } });
    let told = 0;
    storage.subscribe?.(failing);
    storage.subscribe?.(() => {
      told += 1;
    });
    await storage.saveCustomerFlags("cust_1", { beta: true });
    expect(told).toBe(1);
  });

  it("tells a subscriber nothing of reading, of an unchanged save or of a refused one", async () => {
    const storage = memoryStorage();
    await storage.saveCustomerFlags("cust_1", { beta: true });
    let told = 0;
    storage.subscribe?.(() => {
      told += 1;
    });
    await storage.readTenant({ customerId: "cust_1" });
    await storage.saveCustomerFlags("cust_1", { beta: true });
    await expect(storage.saveCustomerFlags("cust_1", { text: "x".repeat(2 ** 20) })).rejects.toThrow();
    expect(told).toBe(0);
    await storage.saveCustomerFlags("cust_1", { beta: false });
    expect(told).toBe(1);
  });
});
