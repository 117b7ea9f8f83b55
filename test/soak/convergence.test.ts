import { afterEach, beforeEach, describe, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { converge } from "../processes/convergence.ts";
import { expectOneTruth } from "../processes/one-truth.ts";

const WHOLE = { processes: 8, changes: 2_000, tenants: 500 };

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

describe("eight processes, 2,000 changes, 500 tenants", () => {
  test.for([false, true])(
    "all answer what the database holds, and never go backwards (preload: %s)",
    async (preload) => {
      const report = await converge(database, { ...WHOLE, preload, seed: chosenSeed() });
      expectOneTruth(report, WHOLE.processes);
    },
  );
});
