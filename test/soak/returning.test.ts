import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { comeBack } from "../processes/returning.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test("200 managers that lost the database come back spread over seconds", async () => {
  const report = await comeBack(database, { processes: 4, managersEach: 50, outage: 20_000 });
  process.stdout.write(
    `200 managers: at most ${report.whileAway} connections a second while away, ${report.afterwards} afterwards; ` +
      `all back after ${report.milliseconds.toFixed(0)} ms.\n`,
  );
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  // Without backing off it would be five times a second each.
  expect(report.whileAway).toBeLessThanOrEqual(400);
  expect(report.afterwards).toBeLessThanOrEqual(400);
});
