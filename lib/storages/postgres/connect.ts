import { FlagError } from "../../feature-flags/core/errors.ts";
import type { PostgresClientLike, PostgresPoolLike } from "./pool.ts";

/** Connections of one pool made here. */
const CONNECTIONS = 10;
/** Milliseconds in which PostgreSQL must take a new connection: beyond, it counts as away. */
const CONNECT_TIMEOUT = 5_000;
const KEEP_ALIVE_AFTER = 10_000;

/** A pool of our own for the database at `url`. Rejects with STORAGE_UNAVAILABLE where `pg` is not installed. */
export async function connectTo(url: string): Promise<PostgresPoolLike> {
  const { default: pg } = await importPg();
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    application_name: "strata",
    keepAlive: true,
  });
  // A connection that breaks while idle would end the process; the pool replaces it, and the next query says more.
  pool.on("error", () => undefined);
  return pool;
}

/** A connection of its own, to listen on: it is in nobody's way, and the pool keeps all of its own. */
export async function listenAt(url: string): Promise<PostgresClientLike> {
  const { default: pg } = await importPg();
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    application_name: "strata listener",
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER,
  });
  // Whoever listens adds what it does on errors. Those that come when it no longer does would end the process.
  client.on("error", () => undefined);
  await client.connect();
  return Object.assign(client, {
    release(): void {
      // A connection that cannot be ended in peace is gone already.
      client.end().catch(() => undefined);
    },
  });
}

async function importPg(): Promise<typeof import("pg")> {
  try {
    return await import("pg");
  } catch (error) {
    throw new FlagError(
      "STORAGE_UNAVAILABLE",
      "PostgreSQL by URL takes the package pg. Install it (npm install pg), or hand over a pool.",
      { cause: error },
    );
  }
}
