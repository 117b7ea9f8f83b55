import { afterEach, beforeEach, describe, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { converge } from "./convergence.ts";
import { expectOneTruth } from "./one-truth.ts";

const SHORT = { processes: 4, changes: 150, tenants: 60 };

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

describe("several processes that change the same tenants", () => {
  test.for([false, true])(
    "all answer what the database holds, and never go backwards (preload: %s)",
    async (preload) => {
      const seed = chosenSeed();
      const report = await converge(database, { ...SHORT, preload, seed });
      expectOneTruth(report, SHORT.processes);
    },
  );
});
