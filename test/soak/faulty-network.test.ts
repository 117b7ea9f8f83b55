import { afterEach, beforeEach, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { expectCalm } from "../processes/calm.ts";
import { faultyNetwork } from "../processes/faulty-network.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test("evaluations go on through ten rounds of every fault of a network", async () => {
  const size = { processes: 4, tenants: 300, each: 3_000, rounds: 10, seed: chosenSeed() };
  expectCalm(await faultyNetwork(database, size));
});
