import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { readOnly } from "../../lib/storages/read-only.ts";

const REPORT = { id: "one", pid: 1, version: "1.0.0", epoch: "e", revision: 0, seenAt: 1 };
const KEY = { id: "one", role: "admin", name: "first", secretHash: "00", createdAt: 1 };
const EVENT = { featureName: "one", customerId: "c", event: "error", timestamp: 1, tier: 0 } as const;

const writes: Readonly<Record<string, (storage: FlagStorage) => Promise<unknown>>> = {
  writeOverride: (storage) =>
    storage.writeOverride({
      tenant: { kind: "customer", id: "cust_1" },
      changeId: "change-1",
      changedBy: "ada",
      changedAt: 1,
      reason: "none",
      audit: "required",
      decide: () => ({ flags: { beta: true }, changes: [] }),
    }),
  saveCustomerFlags: (storage) => storage.saveCustomerFlags("cust_1", { beta: true }),
  saveOrganizationFlags: (storage) => storage.saveOrganizationFlags("org_1", { beta: true }),
  retryAudit: (storage) => storage.retryAudit(),
  writeRollout: (storage) =>
    storage.writeRollout({
      featureName: "one",
      changeId: "change-1",
      changedBy: "ada",
      changedAt: 1,
      reason: "none",
      audit: "required",
      decide: () => ({ rollout: {}, path: "beta", oldValue: undefined, newValue: 1 }),
    }),
  recordRolloutEvents: (storage) => storage.recordRolloutEvents([EVENT]),
  expireRolloutEvents: (storage) => storage.expireRolloutEvents({ eventsBefore: 9e12, countsBefore: 9e12 }),
  takeLease: (storage) => storage.takeLease({ name: "one", holder: "a", now: 0, until: 9 }),
  releaseLease: (storage) => storage.releaseLease("held", "a"),
  reportInstance: (storage) => storage.reportInstance(REPORT),
  removeInstances: (storage) => storage.removeInstances("other", 2),
  registerOrganizations: (storage) => storage.registerOrganizations([{ id: "org_1" }]),
  registerCustomers: (storage) => storage.registerCustomers([{ id: "cust_1" }]),
  addFirstAdminKey: (storage) => storage.addFirstAdminKey(KEY),
};

describe("the read-only storage", () => {
  it.each(Object.keys(writes))("refuses %s and writes nothing", async (name) => {
    const inner = memoryStorage();
    await inner.reportInstance({ ...REPORT, id: "other" });
    await inner.recordRolloutEvents([{ ...EVENT, customerId: "other" }]);
    await inner.takeLease({ name: "held", holder: "a", now: 0, until: 9 });
    await expect(writes[name]?.(readOnly(inner))).rejects.toMatchObject({
      name: "FlagError",
      code: "READ_ONLY",
    });
    expect(await inner.readState()).toMatchObject({ revision: 0 });
    expect(await inner.findAdminKey("one")).toBeUndefined();
    expect((await inner.listInstances(0)).map(({ id }) => id)).toEqual(["other"]);
    expect(await inner.countRolloutEvents({ featureName: "one", since: 0, until: 60_000 })).toMatchObject([
      { count: 1 },
    ]);
    expect(await inner.takeLease({ name: "one", holder: "b", now: 0, until: 9 })).toBe(true);
    expect(await inner.takeLease({ name: "held", holder: "b", now: 0, until: 9 })).toBe(false);
  });

  it("passes every other member through as it is", () => {
    const inner = memoryStorage();
    const wrapped = readOnly(inner);
    expect(Object.keys(wrapped)).toEqual(Object.keys(inner));
    const changed = Object.entries(wrapped).flatMap(([name, member]) =>
      member === Reflect.get(inner, name) ? [] : [name],
    );
    expect(changed.toSorted()).toEqual(Object.keys(writes).toSorted());
  });

  it("can be subscribed to only where the storage below can", () => {
    const { subscribe: _, ...polled } = memoryStorage();
    expect("subscribe" in readOnly(polled)).toBe(false);
    expect("subscribe" in readOnly(memoryStorage())).toBe(true);
  });
});
