import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { escapeIdentifier } from "pg";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { migratePostgres, postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { migrateSqlite, sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { openTestDatabase } from "../../postgres-database.ts";

export interface OpenOptions {
  readonly migrate?: boolean;
  readonly host?: string;
  readonly onQuery?: (sql: string) => void;
}

/** An empty database of one engine, and the way past the storage into it. */
export interface SqlDatabase {
  open(options?: OpenOptions): Promise<FlagStorage>;
  migrate(): Promise<readonly string[]>;
  /** Runs one statement past the storage. Tables are named without their schema. */
  run(sql: string): Promise<void>;
  /** Closes what was opened and removes the data. */
  remove(): Promise<void>;
}

export const engines: readonly { readonly name: string; create(): Promise<SqlDatabase> }[] = [
  { name: "SQLite", create: sqliteDatabase },
  { name: "PostgreSQL", create: postgresDatabase },
];

async function sqliteDatabase(): Promise<SqlDatabase> {
  const directory = await mkdtemp(join(tmpdir(), "strata-sqlite-"));
  const file = join(directory, "strata.db");
  const opened: FlagStorage[] = [];
  return {
    async open(options = {}) {
      const storage = await sqliteStorage({ file, ...options });
      opened.push(storage);
      return storage;
    },
    migrate: () => migrateSqlite({ file }),
    async run(sql) {
      using database = new DatabaseSync(file);
      database.exec(sql);
    },
    async remove() {
      await Promise.all(opened.map((storage) => storage.close()));
      await rm(directory, { recursive: true });
    },
  };
}

async function postgresDatabase(): Promise<SqlDatabase> {
  const database = openTestDatabase();
  const { pool, schema } = database;
  const opened: FlagStorage[] = [];
  return {
    async open(options = {}) {
      const storage = await postgresStorage({ pool, schema, ...options });
      opened.push(storage);
      return storage;
    },
    migrate: () => migratePostgres({ pool, schema }),
    async run(sql) {
      const client = await pool.connect();
      try {
        await client.query(`set search_path to ${escapeIdentifier(schema)}`);
        await client.query(sql);
        await client.query("reset search_path");
        client.release();
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
    async remove() {
      await Promise.all(opened.map((storage) => storage.close()));
      await database.close();
    },
  };
}
