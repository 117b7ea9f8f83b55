import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { startWorker } from "./fleet.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test.for([false, true])("a process whose manager is closed ends by itself (preload: %s)", async (preload) => {
  const { url, schema } = database;
  const worker = await startWorker({ url, schema, tenants: 3, seed: 1, preload });
  try {
    await worker.order("warm", { tries: 50 });
    const { revision } = await worker.order("write", { count: 2 });
    await worker.order("settle", { revision, timeout: 20_000 });
    await worker.order("close", {});
    expect(await worker.end()).toBe(0);
  } finally {
    await worker.kill();
  }
});
