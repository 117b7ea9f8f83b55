import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { postgresStorage } from "../../lib/storages/postgres/index.ts";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";
import { openTestDatabase } from "../postgres-database.ts";

export interface OpenedStorage {
  readonly storage: FlagStorage;
  /** What the storage keeps, as text: to look for what must not be there. */
  dump(): Promise<string>;
  close(): Promise<void>;
}

/** Each storage a server may stand on, empty. */
export const storages: Readonly<Record<"memory" | "sqlite" | "postgres", () => Promise<OpenedStorage>>> = {
  async memory() {
    const storage = memoryStorage();
    return { storage, dump: async () => "", close: () => storage.close() };
  },

  async sqlite() {
    const directory = await mkdtemp(join(tmpdir(), "strata-server-"));
    const file = join(directory, "strata.db");
    const storage = await sqliteStorage({ file });
    return {
      storage,
      async dump() {
        const { readFile, readdir } = await import("node:fs/promises");
        const files = await readdir(directory);
        return (await Promise.all(files.map((name) => readFile(join(directory, name), "latin1")))).join("\n");
      },
      async close() {
        await storage.close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  },

  async postgres() {
    const database = openTestDatabase();
    const { pool, schema } = database;
    const storage = await postgresStorage({ pool, schema });
    return {
      storage,
      async dump() {
        const { rows } = await pool.query(
          "select table_name from information_schema.tables where table_schema = $1",
          [schema],
        );
        const tables = await Promise.all(
          rows.map(({ table_name }) =>
            pool.query(`select t::text as row from "${schema}"."${table_name}" t`),
          ),
        );
        return tables.flatMap((table) => table.rows.map(({ row }) => row)).join("\n");
      },
      async close() {
        await storage.close();
        await database.close();
      },
    };
  },
};
