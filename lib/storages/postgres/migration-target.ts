import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import type { Database, WriteTransaction } from "../sql/engine.ts";
import type { MigrationTarget } from "../sql/migrate.ts";
import { POSTGRES_COLUMN_TYPES } from "./column-types.ts";
import { isLockTimeout } from "./errors.ts";
import type { Locks } from "./locks.ts";

/** How long a migration may wait for a table: everybody who needs that table waits behind it. */
const TABLE_TIMEOUT = "2s";
/** Milliseconds between the attempts to get at the tables. */
const PAUSES = [250, 1_000, 4_000];

export function migrationTarget(db: Database, schema: string, name: string, locks: Locks): MigrationTarget {
  const searchPath = `"${schema.replaceAll('"', '""')}"`;

  function attempt<T>(work: (trx: WriteTransaction) => Promise<T>): Promise<T> {
    return db.transaction().execute(async (trx) => {
      await locks.work(trx, "migrations");
      await sql`select set_config('lock_timeout', ${TABLE_TIMEOUT}, true),
        set_config('search_path', ${searchPath}, true)`.execute(trx);
      return work(trx);
    });
  }

  return Object.freeze<MigrationTarget>({
    name,
    types: POSTGRES_COLUMN_TYPES,
    schema,
    db,
    async hasTable(on, table) {
      const { rows } = await sql`
        select 1 from pg_catalog.pg_class join pg_catalog.pg_namespace n on n.oid = relnamespace
        where nspname = ${schema} and relname = ${table}`.execute(on);
      return rows.length > 0;
    },
    async transaction(work) {
      for (const pause of PAUSES) {
        try {
          return await attempt(work);
        } catch (error) {
          if (!isLockTimeout(error)) throw error;
        }
        await delay(pause);
      }
      return attempt(work);
    },
  });
}
