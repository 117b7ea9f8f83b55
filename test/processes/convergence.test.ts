import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { converge } from "./convergence.ts";
import { cutListeners } from "./cutting.ts";
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

  test("do so with their listening connections cut every 100 ms", async () => {
    const { url, schema } = database;
    let cut = 0;
    const report = await converge(database, { ...SHORT, preload: false, seed: chosenSeed() }, () => {
      const stop = cutListeners(url, schema, 100);
      return async () => {
        cut = await stop();
      };
    });
    expectOneTruth(report, SHORT.processes);
    expect(cut).toBeGreaterThan(0);
  });
});
