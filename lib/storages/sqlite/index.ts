import { hostname } from "node:os";
import { resolve } from "node:path";
import { silentLog, systemClock } from "../../feature-flags/core/clock.ts";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import type { Clock, Log } from "../../feature-flags/core/types.ts";
import { shelteredLog } from "../sheltered-log.ts";
import { migrate, requireCurrentSchema } from "../sql/migrate.ts";
import { sqlStorage } from "../sql/storage.ts";
import { type SqliteEngine, sqliteEngine } from "./engine.ts";
import { openFile } from "./open-file.ts";
import { asOpeningError } from "./opening-error.ts";

export interface SqliteFileOptions {
  /** Where the data lies. A missing or empty file is made, with its directory; any number of processes may open it. */
  readonly file: string;
  /** Milliseconds to wait for another process that writes; 5,000 unless given. */
  readonly busyTimeout?: number;
  /** Told each statement before it runs, but for the question whether other processes have committed. */
  readonly onQuery?: (sql: string) => void;
}

export interface SqliteStorageOptions extends SqliteFileOptions {
  /** Whether to bring the schema up to date; otherwise an outdated one is refused. True unless given. */
  readonly migrate?: boolean;
  /** This machine, in the list of instances; the name it gives itself unless given. */
  readonly host?: string;
  readonly clock?: Clock;
  /** Where a subscriber that throws is reported: it cannot undo the commit it was told of. */
  readonly log?: Log;
}

const BUSY_TIMEOUT = 5_000;

/**
 * Storage in one SQLite file. What it acknowledges is on the disk. `subscribe` tells of commits made through this
 * storage at once, and of those of other processes within 25 milliseconds: while anybody subscribes, the file is
 * asked for its revision that often.
 *
 * Rejects with STORAGE_CORRUPT for a damaged file and STORAGE_FOREIGN for another program's, both left untouched;
 * with SCHEMA_TOO_NEW for one that a newer Strata has migrated; with SCHEMA_OUTDATED where `migrate` is false.
 *
 * @example
 * const storage = await sqliteStorage({ file: ".strata/strata.db" });
 */
export async function sqliteStorage(options: SqliteStorageOptions): Promise<FlagStorage> {
  const { migrate: mayMigrate = true, clock = systemClock } = options;
  const engine = await openEngine(options, async ({ migrations }) => {
    await (mayMigrate ? migrate(migrations) : requireCurrentSchema(migrations));
  });
  return sqlStorage(engine, clock);
}

/** Brings the schema up to date. Resolves with the names of the migrations applied. */
export async function migrateSqlite(options: SqliteFileOptions): Promise<readonly string[]> {
  let applied: readonly string[] = [];
  const engine = await openEngine(options, async ({ migrations }) => {
    applied = await migrate(migrations);
  });
  await engine.close();
  return applied;
}

async function openEngine(
  options: SqliteStorageOptions,
  prepare: (engine: SqliteEngine) => Promise<void>,
): Promise<SqliteEngine> {
  const { busyTimeout: timeout = BUSY_TIMEOUT, onQuery, host = hostname() } = options;
  const clock = options.clock ?? systemClock;
  const log = shelteredLog(options.log ?? silentLog);
  if (options.file === "" || options.file === ":memory:") {
    throw new FlagError("STORAGE_UNAVAILABLE", "SQLite storage needs a file; memoryStorage() needs none.");
  }
  const file = resolve(options.file);
  let engine: SqliteEngine | undefined;
  try {
    engine = sqliteEngine(await openFile(file, { timeout, onQuery }), {
      ...{ file, host, timeout, clock, log },
    });
    await prepare(engine);
    return engine;
  } catch (error) {
    await engine?.close();
    throw await asOpeningError(error, file);
  }
}
