import { join } from "node:path";
import { expect, it } from "vitest";
import { silentLog } from "../../../lib/feature-flags/core/clock.ts";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

it("a subscriber that throws is reported, and harms neither the write nor the other subscribers", async () => {
  const reported: object[] = [];
  const log = { ...silentLog, error: (facts: object) => void reported.push(facts) };
  const storage = await sqliteStorage({ file: join(await temporaryDirectory(), "strata.db"), log });
  let told = 0;
  const failure = new Error("not my day");
  storage.subscribe?.(() => {
    throw failure;
  });
  storage.subscribe?.(() => {
    told += 1;
  });
  expect(await storage.saveCustomerFlags("c", { a: 1 })).toMatchObject({ revision: 1 });
  expect(await storage.saveCustomerFlags("c", { a: 1 })).toMatchObject({ revision: undefined });
  await new Promise((resolve) => setImmediate(resolve));
  expect([told, reported]).toEqual([1, [{ error: failure }]]);
  await storage.close();
});
