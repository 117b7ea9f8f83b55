import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { restore } from "./restore.ts";

const SHORT = { processes: 2, changes: 40, tenants: 20 };

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

describe("a database that is put back to an older dump under running processes", () => {
  test.for([
    { preload: false, newEpoch: false },
    { preload: true, newEpoch: true },
  ])("is what all of them answer from then on ($preload, $newEpoch)", async (how) => {
    const report = await restore(database, { ...SHORT, ...how, seed: chosenSeed() });
    expect(report.truth).not.toEqual(report.before);
    for (const answers of report.answers) expect(answers).toEqual(report.truth);
    expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  });
});
