import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { openTestDatabase } from "../../postgres-database.ts";
import type { Engine } from "../storage-place.ts";
import { mutablePostgres, mutableSqlite } from "./mutable-database.ts";
import { readStoredMutants, type StoredMutantsFigures, type StoredMutantsOptions } from "./stored-mutants.ts";

/** The experiment on a database of its own, which is gone afterwards. */
export function readMutantsOn(
  engine: Engine,
  options: Omit<StoredMutantsOptions, "storage" | "openDatabase">,
): Promise<StoredMutantsFigures> {
  return engine === "sqlite" ? onSqlite(options) : onPostgres(options);
}

async function onSqlite(options: Parameters<typeof readMutantsOn>[1]): Promise<StoredMutantsFigures> {
  const directory = await mkdtemp(join(tmpdir(), "strata-mutants-"));
  const file = join(directory, "strata.db");
  const storage = await sqliteStorage({ file });
  try {
    return await readStoredMutants({ ...options, storage, openDatabase: () => mutableSqlite(file) });
  } finally {
    await storage.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function onPostgres(options: Parameters<typeof readMutantsOn>[1]): Promise<StoredMutantsFigures> {
  const { url, pool, schema, close } = openTestDatabase();
  const storage = await postgresStorage({ pool, schema });
  try {
    return await readStoredMutants({ ...options, storage, openDatabase: () => mutablePostgres(url, schema) });
  } finally {
    await storage.close();
    await close();
  }
}
