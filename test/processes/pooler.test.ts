import { afterEach, beforeEach, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { startPgBouncer, whyNoPgBouncer } from "../pgbouncer.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { converge } from "./convergence.ts";
import { expectOneTruth } from "./one-truth.ts";

const SHORT = { processes: 4, changes: 150, tenants: 60 };

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

test("several processes behind PgBouncer in transaction mode all answer what the database holds", async () => {
  const reason = await whyNoPgBouncer();
  if (reason !== undefined) {
    process.stdout.write(`PgBouncer was not tried: ${reason}.\n`);
    return;
  }
  const pooler = await startPgBouncer(database.url);
  try {
    const way = { url: database.url, schema: database.schema, pooler: pooler.url };
    const report = await converge(way, { ...SHORT, preload: false, seed: chosenSeed() });
    expectOneTruth(report, SHORT.processes);
    expect(report.refused).toEqual([]);
  } finally {
    await pooler.end();
  }
});
