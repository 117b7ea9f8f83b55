import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { inject } from "vitest";
import { openTestDatabase } from "../postgres-database.ts";
import type { StorageAddress } from "./storage-address.ts";

/** A database that processes are killed over. */
export interface StoragePlace {
  readonly address: StorageAddress;
  /** Resolves once nothing that a killed process had begun is still going on. */
  quiet(): Promise<void>;
  /** Every table, index, trigger and function, as the database itself lists them. */
  objects(): Promise<readonly string[]>;
  /** Runs statements past the storage. Tables are named without their schema. */
  run(sql: string): Promise<void>;
  /** What the database's own check finds. */
  damage(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

export type Engine = "sqlite" | "postgres";

/** A place where nothing is yet. */
export function newPlace(engine: Engine): Promise<StoragePlace> {
  return engine === "sqlite" ? newFile() : newSchema();
}

async function newFile(): Promise<StoragePlace> {
  const directory = await mkdtemp(join(tmpdir(), "strata-faults-"));
  return filePlace(join(directory, "data", "strata.db"), () =>
    rm(directory, { recursive: true, force: true }),
  );
}

export function filePlace(file: string, remove: () => Promise<void>): StoragePlace {
  const ask = (sql: string): string[] => {
    const database = new DatabaseSync(file);
    try {
      return database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row).join(" "));
    } finally {
      database.close();
    }
  };
  return {
    address: { file },
    quiet: async () => {},
    objects: async () => ask("select type, name, sql from sqlite_schema order by type, name"),
    async run(sql) {
      using database = new DatabaseSync(file);
      database.exec(sql);
    },
    damage: async () => ask("pragma integrity_check").filter((line) => line !== "ok"),
    remove,
  };
}

async function newSchema(): Promise<StoragePlace> {
  const name = `faults_${randomUUID().slice(0, 8)}`;
  const { pool, schema, close } = openTestDatabase(name, 2);
  const url = new URL(inject("postgresUrl"));
  // Not the schema's name: under that, the server shows the connections of the test itself.
  const clients = `${name}_clients`;
  url.searchParams.set("application_name", clients);
  const count = async (sql: string) => {
    const { rows } = await pool.query<{ count: string }>(sql, [clients]);
    return Number(rows[0]?.count);
  };
  return {
    address: { url: url.href, schema },
    async quiet() {
      // What a client had sent, the server brings to its end, and only then finds that the client is gone.
      while ((await count("select count(*) from pg_stat_activity where application_name = $1")) > 0) {
        await delay(5);
      }
    },
    async objects() {
      const { rows } = await pool.query<{ object: string }>(
        `select relkind::text || ' ' || relname as object from pg_class join pg_namespace n on n.oid = relnamespace
           where nspname = $1
         union all select 'function ' || proname from pg_proc join pg_namespace n on n.oid = pronamespace
           where nspname = $1
         union all select 'trigger ' || tgname from pg_trigger join pg_class c on c.oid = tgrelid
           join pg_namespace n on n.oid = relnamespace where nspname = $1
         order by object`,
        [name],
      );
      return rows.map((row) => row.object);
    },
    async run(sql) {
      await pool.query(`begin; set local search_path to ${pg.escapeIdentifier(name)}; ${sql}; commit`);
    },
    damage: async () => [],
    remove: close,
  };
}
