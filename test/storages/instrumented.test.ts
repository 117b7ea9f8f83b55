import { describe, expect, it } from "vitest";
import { silentLog } from "../../lib/feature-flags/core/clock.ts";
import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { instrumented, type StorageCall } from "../../lib/storages/instrumented.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { manualClock } from "../../lib/testing/index.ts";

const calls: Readonly<Record<string, (storage: FlagStorage) => Promise<unknown>>> = {
  readTenant: (storage) => storage.readTenant({ customerId: "cust_1" }),
  writeOverride: (storage) =>
    storage.writeOverride({
      tenant: { kind: "customer", id: "cust_1" },
      changeId: "change-1",
      changedBy: "ada",
      changedAt: 1,
      reason: "none",
      audit: "required",
      decide: () => undefined,
    }),
  getCustomerOverride: (storage) => storage.getCustomerOverride("cust_1"),
  getOrganizationOverride: (storage) => storage.getOrganizationOverride("org_1"),
  saveCustomerFlags: (storage) => storage.saveCustomerFlags("cust_1", { beta: true }, "ada"),
  saveOrganizationFlags: (storage) => storage.saveOrganizationFlags("org_1", { beta: true }, "ada"),
  listOverrides: (storage) => storage.listOverrides({ limit: 1 }),
  readOverrides: (storage) => storage.readOverrides([]),
  listChanges: (storage) => storage.listChanges({ limit: 1 }),
  lastChanges: (storage) => storage.lastChanges({ customerId: "cust_1" }),
  retryAudit: (storage) => storage.retryAudit(),
  readState: (storage) => storage.readState(),
  changesSince: (storage) => storage.changesSince(0, 1),
  listRollouts: (storage) => storage.listRollouts(),
  writeRollout: (storage) =>
    storage.writeRollout({
      featureName: "one",
      changeId: "change-1",
      changedBy: "ada",
      changedAt: 1,
      reason: "none",
      audit: "required",
      decide: () => undefined,
    }),
  recordRolloutEvents: (storage) => storage.recordRolloutEvents([]),
  countRolloutEvents: (storage) => storage.countRolloutEvents({ featureName: "one", since: 0, until: 1 }),
  expireRolloutEvents: (storage) => storage.expireRolloutEvents({ eventsBefore: 0, countsBefore: 0 }),
  takeLease: (storage) => storage.takeLease({ name: "one", holder: "a", now: 0, until: 1 }),
  releaseLease: (storage) => storage.releaseLease("one", "a"),
  reportInstance: (storage) =>
    storage.reportInstance({ id: "one", pid: 1, version: "1.0.0", epoch: "e", revision: 0, seenAt: 1 }),
  listInstances: (storage) => storage.listInstances(0),
  removeInstances: (storage) => storage.removeInstances("one", 0),
  registerOrganizations: (storage) => storage.registerOrganizations([{ id: "org_1" }]),
  registerCustomers: (storage) => storage.registerCustomers([{ id: "cust_1" }]),
  listOrganizations: (storage) => storage.listOrganizations({ limit: 1 }),
  listCustomers: (storage) => storage.listCustomers({ limit: 1 }),
  readCustomers: (storage) => storage.readCustomers(["cust_1"]),
  countTenants: (storage) => storage.countTenants(),
  findAdminKey: (storage) => storage.findAdminKey("one"),
  addFirstAdminKey: (storage) =>
    storage.addFirstAdminKey({ id: "one", role: "admin", name: "first", secretHash: "00", createdAt: 1 }),
  close: (storage) => storage.close(),
};

describe("the instrumented storage", () => {
  it("tells of every operation once, by its own name", async () => {
    const observed: StorageCall[] = [];
    const storage = instrumented(memoryStorage(), (call) => observed.push(call), silentLog, manualClock());
    for (const call of Object.values(calls)) await call(storage);
    const expected = Object.keys(calls).map((operation) => ({
      operation,
      milliseconds: 0,
      error: undefined,
    }));
    expect(observed).toEqual(expected);
    expect(Object.keys(storage).toSorted()).toEqual([...Object.keys(calls), "kind", "subscribe"].toSorted());
  });

  it("tells how long an operation took by the clock it is given", async () => {
    const clock = manualClock();
    const observed: StorageCall[] = [];
    const inner = memoryStorage();
    const slow: FlagStorage = {
      ...inner,
      async readState() {
        await clock.advance(42);
        return inner.readState();
      },
    };
    await instrumented(slow, (call) => observed.push(call), silentLog, clock).readState();
    expect(observed).toEqual([{ operation: "readState", milliseconds: 42, error: undefined }]);
  });

  it("tells of a failure and passes the very same error on", async () => {
    const failure = new FlagError("STORAGE_UNAVAILABLE", "The database is away.");
    const observed: StorageCall[] = [];
    const failing: FlagStorage = { ...memoryStorage(), readState: () => Promise.reject(failure) };
    const storage = instrumented(failing, (call) => observed.push(call), silentLog);
    await expect(storage.readState()).rejects.toBe(failure);
    expect(observed).toMatchObject([{ operation: "readState" }]);
    expect(observed[0]?.error).toBe(failure);
  });

  it("tells of what decide throws as an internal error with that as its cause", async () => {
    const bug = new TypeError("a bug in decide");
    const observed: StorageCall[] = [];
    const storage = instrumented(memoryStorage(), (call) => observed.push(call), silentLog);
    const write = storage.writeOverride({
      tenant: { kind: "customer", id: "cust_1" },
      changeId: "change-1",
      changedBy: "ada",
      changedAt: 1,
      reason: "none",
      audit: "best-effort",
      decide() {
        throw bug;
      },
    });
    await expect(write).rejects.toBe(bug);
    expect(observed[0]?.error).toMatchObject({ code: "INTERNAL", cause: bug });
  });

  it("logs what the observer throws, and neither answers nor errors change", async () => {
    const logged: unknown[] = [];
    const log = { ...silentLog, error: (facts: object) => logged.push(facts) };
    const fault = new Error("the observer's own");
    const inner = memoryStorage();
    const storage = instrumented(
      inner,
      () => {
        throw fault;
      },
      log,
    );
    expect(await storage.readState()).toEqual(await inner.readState());
    await inner.close();
    await expect(storage.readState()).rejects.toMatchObject({ code: "CLOSED" });
    expect(logged).toEqual([
      { error: fault, operation: "readState" },
      { error: fault, operation: "readState" },
    ]);
  });

  it("can be subscribed to only where the storage below can", () => {
    const { subscribe: _, ...polled } = memoryStorage();
    expect("subscribe" in instrumented(polled, () => undefined, silentLog)).toBe(false);
    expect("subscribe" in instrumented(memoryStorage(), () => undefined, silentLog)).toBe(true);
  });
});
