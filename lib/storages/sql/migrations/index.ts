import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { initial } from "./0001-initial.ts";
import { instances } from "./0002-instances.ts";
import { rollouts } from "./0003-rollouts.ts";
import type { ColumnTypes } from "./column-types.ts";

/** In the order of their names; a new one goes at the end. */
const MIGRATIONS: Readonly<Record<string, (types: ColumnTypes) => readonly string[]>> = {
  "0001-initial": initial,
  "0002-instances": instances,
  "0003-rollouts": rollouts,
};

export const MIGRATION_NAMES: readonly string[] = Object.keys(MIGRATIONS);

export function migrationsFor(types: ColumnTypes): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(MIGRATIONS).map(([name, statements]) => [
      name,
      { up: (db) => runAll(db, statements(types)) },
    ]),
  );
}

async function runAll(db: Kysely<unknown>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
