import { afterEach, beforeEach, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { startPgBouncer, whyNoPgBouncer } from "../pgbouncer.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { converge } from "../processes/convergence.ts";
import { expectOneTruth } from "../processes/one-truth.ts";

const WHOLE = { processes: 8, changes: 2_000, tenants: 500 };

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test("eight processes, 2,000 changes, 500 tenants: behind PgBouncer in transaction mode, too, all answer what the database holds", async () => {
  const reason = await whyNoPgBouncer();
  if (reason !== undefined) {
    process.stdout.write(`PgBouncer was not tried: ${reason}.\n`);
    return;
  }
  const pooler = await startPgBouncer(database.url);
  try {
    const way = { url: database.url, schema: database.schema, pooler: pooler.url };
    const report = await converge(way, { ...WHOLE, preload: false, seed: chosenSeed() });
    expectOneTruth(report, WHOLE.processes);
    expect(report.refused).toEqual([]);
  } finally {
    await pooler.end();
  }
});
