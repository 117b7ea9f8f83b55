import pg from "pg";
import type { FlagStorage } from "../../lib/feature-flags/index.ts";
import { postgresStorage } from "../../lib/storages/postgres/index.ts";

/** The storage that the processes share, as seen from outside of them. */
export async function openDatabase(
  url: string,
  schema: string,
): Promise<{ pool: pg.Pool; storage: FlagStorage; close(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on("error", () => undefined);
  const storage = await postgresStorage({ pool, schema });
  return {
    pool,
    storage,
    async close() {
      await storage.close();
      await pool.end();
    },
  };
}
