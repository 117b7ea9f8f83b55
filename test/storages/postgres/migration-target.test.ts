import { sql } from "kysely";
import { expect, it, onTestFinished } from "vitest";
import { postgresEngine } from "../../../lib/storages/postgres/engine.ts";
import { openTestDatabase } from "../../postgres-database.ts";

it("a migration waits two seconds for a table at most, and comes back for it", async () => {
  const { pool, schema, close } = openTestDatabase();
  onTestFinished(close);
  await pool.query(`create schema ${schema}; create table ${schema}.busy ()`);
  const { migrations } = postgresEngine({
    pool,
    schema,
    host: "here",
    replica: undefined,
    prepare: true,
    listen: undefined,
    onQuery: undefined,
    end: async () => undefined,
  });
  const holder = await pool.connect();
  await holder.query(`begin; lock table ${schema}.busy`);
  const timeouts: unknown[] = [];
  const outcome = await migrations.transaction(async (trx) => {
    const { rows } = await sql<{ lock_timeout: string }>`show lock_timeout`.execute(trx);
    timeouts.push(rows[0]?.lock_timeout);
    try {
      await sql`lock table busy nowait`.execute(trx);
    } catch (error) {
      await holder.query("rollback");
      throw error;
    }
    return "migrated";
  });
  holder.release();
  expect(outcome).toBe("migrated");
  expect(timeouts).toEqual(["2s", "2s"]);
});
