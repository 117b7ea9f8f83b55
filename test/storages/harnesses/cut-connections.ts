import type { Pool, PoolClient } from "pg";
import type { PostgresClientLike, PostgresPoolLike } from "../../../lib/storages/postgres/index.ts";
import type { QueryFaults } from "./query-faults.ts";

/** The pool, with each fault played by the server: it ends the connection just before the statement arrives. */
export function cutConnections(pool: Pool, faults: QueryFaults): PostgresPoolLike {
  return {
    connect: async () => cutClient(pool, await pool.connect(), faults),
    end: () => pool.end(),
  };
}

async function cutClient(pool: Pool, client: PoolClient, faults: QueryFaults): Promise<PostgresClientLike> {
  const { rows } = await client.query("select pg_backend_pid() as pid");
  return {
    async query(statement) {
      try {
        faults.onQuery(statement.text);
      } catch {
        // The statement itself then fails, as it does when a connection is lost.
        await pool.query("select pg_terminate_backend($1, 10000)", [rows[0].pid]);
      }
      return client.query(statement);
    },
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
    release: (error) => client.release(error),
  };
}
