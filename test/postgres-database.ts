import { randomUUID } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /** A name no other test uses; nothing of that name exists yet. */
  readonly schema: string;
  /** Drops the schema and ends the pool. */
  close(): Promise<void>;
}

/** A schema of its own on the server of this test run. */
export function openTestDatabase(
  schema = `test_${randomUUID().slice(0, 8)}`,
  connections = 10,
): TestDatabase {
  const url = inject("postgresUrl");
  // Under its name the server shows which connections are this test's.
  const pool = new pg.Pool({ connectionString: url, max: connections, application_name: schema });
  pool.on("error", () => undefined);
  return {
    url,
    pool,
    schema,
    async close() {
      await pool.query(`drop schema if exists ${pg.escapeIdentifier(schema)} cascade`);
      await pool.end();
    },
  };
}
