import type { PostgresPoolLike } from "../../lib/storages/postgres/index.ts";
import { clientWithQuery } from "./client-with-query.ts";

const WRITES_ROLLOUT = /insert into [^(]*"feature_rollouts"/;

/** A pool that notes when the commits are sent of transactions that have written a rollout. */
export function notedRolloutCommits(real: PostgresPoolLike): {
  readonly pool: PostgresPoolLike;
  /** The machine's monotonic clock, in nanoseconds; oldest first. */
  readonly sent: () => readonly number[];
} {
  const sent: number[] = [];
  const pool: PostgresPoolLike = {
    async connect() {
      const client = await real.connect();
      let hasWritten = false;
      return clientWithQuery(client, (statement) => {
        if (WRITES_ROLLOUT.test(statement.text)) hasWritten = true;
        if (statement.text === "commit" && hasWritten) sent.push(monotonicNanoseconds());
        if (statement.text === "commit" || statement.text === "rollback") hasWritten = false;
        return client.query(statement);
      });
    },
    end: () => real.end(),
  };
  return { pool, sent: () => [...sent] };
}

/** The same in all processes of the machine. */
export function monotonicNanoseconds(): number {
  return Number(process.hrtime.bigint());
}
