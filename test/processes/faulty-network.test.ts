import { afterEach, beforeEach, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { expectCalm } from "./calm.ts";
import { faultyNetwork } from "./faulty-network.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test("evaluations go on while the way to the database is slow, hangs, breaks and is gone", async () => {
  const size = { processes: 2, tenants: 30, each: 1_200, rounds: 1, seed: chosenSeed() };
  const report = await faultyNetwork(database, size);
  expect(report.phases).toHaveLength(5);
  expectCalm(report);
});
