import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { Database, WriteTransaction } from "./engine.ts";
import type { ColumnTypes } from "./migrations/column-types.ts";
import { MIGRATION_NAMES, migrationsFor } from "./migrations/index.ts";

/** A database as migrations see it. */
export interface MigrationTarget {
  /** What error messages call it. */
  readonly name: string;
  readonly types: ColumnTypes;
  /** PostgreSQL's schema. */
  readonly schema: string | undefined;
  readonly db: Database;
  hasTable(db: Database, table: string): Promise<boolean>;
  /** Runs `work` as the only migration of this database, so that of many starting at once one does it. */
  transaction<T>(work: (trx: WriteTransaction) => Promise<T>): Promise<T>;
}

// Names of our own: the schema may be the application's, which may use Kysely's default names itself.
const MIGRATION_TABLE = "strata_migrations";
const LOCK_TABLE = "strata_migrations_lock";

/** All or nothing. Resolves with the names of the migrations that were applied. */
export async function migrate(target: MigrationTarget): Promise<readonly string[]> {
  if ((await pendingMigrations(target, target.db)).length === 0) return [];
  return target.transaction(async (trx) => {
    if ((await pendingMigrations(target, trx)).length === 0) return [];
    const migrator = new Migrator({
      db: trx,
      provider: { getMigrations: async () => migrationsFor(target.types) },
      migrationTableName: MIGRATION_TABLE,
      migrationLockTableName: LOCK_TABLE,
      ...(target.schema === undefined ? {} : { migrationTableSchema: target.schema }),
    });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    return results.map((result) => result.migrationName);
  });
}

/** Rejects with SCHEMA_OUTDATED or SCHEMA_TOO_NEW unless the schema is the one this code was written for. */
export async function requireCurrentSchema(target: MigrationTarget): Promise<void> {
  const pending = await pendingMigrations(target, target.db);
  if (pending.length === 0) return;
  throw new FlagError(
    "SCHEMA_OUTDATED",
    `The schema of ${target.name} lacks ${pending.join(", ")}. Run \`strata migrate\`.`,
    { details: { pending } },
  );
}

async function pendingMigrations(target: MigrationTarget, db: Database): Promise<readonly string[]> {
  const applied = await appliedMigrations(target, db);
  const unknown = applied.filter((name) => !MIGRATION_NAMES.includes(name));
  if (unknown.length > 0) {
    throw new FlagError(
      "SCHEMA_TOO_NEW",
      `A newer Strata has migrated ${target.name} (${unknown.join(", ")}). Update strata-flags to open it.`,
      { details: { unknown } },
    );
  }
  return MIGRATION_NAMES.filter((name) => !applied.includes(name));
}

async function appliedMigrations(target: MigrationTarget, db: Database): Promise<readonly string[]> {
  if (!(await target.hasTable(db, MIGRATION_TABLE))) return [];
  const table =
    target.schema === undefined ? sql.id(MIGRATION_TABLE) : sql.id(target.schema, MIGRATION_TABLE);
  const { rows } = await sql<{ name: string }>`select name from ${table} order by name`.execute(db);
  return rows.map((row) => row.name);
}
