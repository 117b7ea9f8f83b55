import { expect, test } from "vitest";
import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { FeatureFlagManager } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";

test.each([
  ["null", null],
  ["a path", "flags.db"],
  ["a promise", Promise.resolve(memoryStorage())],
  ["an empty object", {}],
])("refuses %s as a storage when the manager is made, not at the first read", (_, storage) => {
  const options = JSON.parse("{}");
  options.storage = storage;
  expect(() => new FeatureFlagManager(options)).toThrow(
    /must be an open storage, or a function that opens one/,
  );
});

test("takes an open storage, and a function that opens one", async () => {
  const storage = memoryStorage();
  for (const option of [storage, async () => storage]) {
    const connection = new StorageConnection(option);
    expect((await connection.readTenant({ customerId: "cust_1" })).revision).toBe(0);
    await connection.close();
  }
});
