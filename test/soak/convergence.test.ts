import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { converge } from "../processes/convergence.ts";
import { cutListeners } from "../processes/cutting.ts";
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

  test("do so with their listening connections cut every 100 ms", async () => {
    const { url, schema } = database;
    let cut = 0;
    const report = await converge(database, { ...WHOLE, preload: false, seed: chosenSeed() }, () => {
      const stop = cutListeners(url, schema, 100);
      return async () => {
        cut = await stop();
      };
    });
    expectOneTruth(report, WHOLE.processes);
    expect(cut).toBeGreaterThan(0);
  });
});
