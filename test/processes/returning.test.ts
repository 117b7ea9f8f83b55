import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { comeBack } from "./returning.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test("60 managers that lost the database come back spread over seconds", async () => {
  const report = await comeBack(database, { processes: 2, managersEach: 30, outage: 3_000 });
  process.stdout.write(
    `60 managers: at most ${report.whileAway} connections a second while away, ${report.afterwards} afterwards; ` +
      `all back after ${report.milliseconds.toFixed(0)} ms.\n`,
  );
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  // Each asks every few seconds, and so does its listener; without backing off it would be five times a second.
  expect(report.whileAway).toBeLessThanOrEqual(60 * 2);
  expect(report.afterwards).toBeLessThanOrEqual(60 * 2);
});
