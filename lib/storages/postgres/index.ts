import { hostname } from "node:os";
import { silentLog, systemClock } from "../../feature-flags/core/clock.ts";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import type { Clock, Log } from "../../feature-flags/core/types.ts";
import { shelteredLog } from "../sheltered-log.ts";
import { migrate, requireCurrentSchema } from "../sql/migrate.ts";
import { sqlStorage } from "../sql/storage.ts";
import { connectTo, listenAt } from "./connect.ts";
import { type PostgresEngine, postgresEngine } from "./engine.ts";
import { asPostgresError } from "./errors.ts";
import { NoticesImpossible } from "./listening-session.ts";
import type { PostgresClientLike, PostgresPoolLike } from "./pool.ts";

export type { PostgresAnswer, PostgresClientLike, PostgresPoolLike, PostgresStatement } from "./pool.ts";

/** Where the database is: a pool of the caller's, which stays the caller's to end, or a URL. */
export type PostgresConnection = { readonly pool: PostgresPoolLike } | { readonly url: string };

export type PostgresSchemaOptions = PostgresConnection & {
  /** The schema that holds the tables: any name PostgreSQL allows. "strata" unless given. */
  readonly schema?: string;
  /** Told each statement before it runs. */
  readonly onQuery?: (sql: string) => void;
};

export type PostgresStorageOptions = PostgresSchemaOptions & {
  /** Whether to bring the schema up to date; otherwise an outdated one is refused. True unless given. */
  readonly migrate?: boolean;
  /** A read replica for evaluations. Where it is behind what this storage has answered, the primary is asked. */
  readonly replica?: PostgresPoolLike;
  /** Whether to prepare statements; false for poolers that cannot keep them. True unless given. */
  readonly prepare?: boolean;
  /** This machine, in the list of instances; the name it gives itself unless given. */
  readonly host?: string;
  /** "poll": never listen for commits. By default it is tried, and polling takes over where it does not work. */
  readonly feed?: "auto" | "poll";
  /**
   * Where to listen, if not where the rest goes: the database itself, past a pooler in transaction mode. A URL is
   * given one connection of its own. A pool lends one for as long as anybody subscribes, and cannot end before the
   * storage is closed; one of a single connection lends none, and changes are polled.
   */
  readonly listen?: PostgresConnection;
  /** Told where listening does not work, is lost and is back; and what a subscriber throws. */
  readonly log?: Log;
  /** 0 to 1, for jitter. */
  readonly random?: () => number;
  readonly clock?: Clock;
};

const MOST_SCHEMA_BYTES = 63;

/**
 * Storage in a schema of a PostgreSQL database, from version 13.
 *
 * Rejects with STORAGE_UNAVAILABLE where the database cannot be reached or `url` is given and the package `pg` is
 * missing; with SCHEMA_TOO_NEW for a schema that a newer Strata has migrated; with SCHEMA_OUTDATED where `migrate`
 * is false.
 *
 * @example
 * const storage = await postgresStorage({ pool: new pg.Pool({ connectionString }) });
 */
export async function postgresStorage(options: PostgresStorageOptions): Promise<FlagStorage> {
  const { migrate: mayMigrate = true, clock = systemClock } = options;
  const engine = await openEngine(options, async ({ migrations }) => {
    await (mayMigrate ? migrate(migrations) : requireCurrentSchema(migrations));
  });
  return sqlStorage(engine, clock);
}

/** Brings the schema up to date. Resolves with the names of the migrations applied. */
export async function migratePostgres(options: PostgresSchemaOptions): Promise<readonly string[]> {
  let applied: readonly string[] = [];
  const engine = await openEngine(options, async ({ migrations }) => {
    applied = await migrate(migrations);
  });
  await engine.close();
  return applied;
}

async function openEngine(
  options: PostgresStorageOptions,
  prepareSchema: (engine: PostgresEngine) => Promise<void>,
): Promise<PostgresEngine> {
  const { schema = "strata", prepare = true, replica, onQuery, host = hostname() } = options;
  const { clock = systemClock, random = Math.random, feed = "auto" } = options;
  const log = shelteredLog(options.log ?? silentLog);
  const connect = () => connectToListen(options.listen ?? options);
  const listen = feed === "auto" ? { connect, clock, random, log } : undefined;
  refuseSchemaName(schema);
  const pool = "pool" in options ? options.pool : await connectTo(options.url);
  const end = "pool" in options ? async () => {} : () => pool.end();
  const parts = { pool, replica, schema, host, prepare, listen, onQuery, end };
  const engine = postgresEngine(parts);
  try {
    await prepareSchema(engine);
    return engine;
  } catch (error) {
    await engine.close();
    throw asPostgresError(error, engine.name, "opening it");
  }
}

async function connectToListen(where: PostgresConnection): Promise<PostgresClientLike> {
  if ("url" in where) return listenAt(where.url);
  if (where.pool.options?.max !== 1) return where.pool.connect();
  throw new NoticesImpossible("The pool has one connection only, which queries need.");
}

/** PostgreSQL cuts longer names short, and two schemas would become one. */
function refuseSchemaName(schema: string): void {
  const bytes = Buffer.byteLength(schema);
  if (bytes > 0 && bytes <= MOST_SCHEMA_BYTES && !schema.includes("\u0000")) return;
  throw new FlagError(
    "INVALID_ID",
    `${JSON.stringify(schema)} cannot name a schema: PostgreSQL takes 1 to ${MOST_SCHEMA_BYTES} bytes.`,
  );
}
