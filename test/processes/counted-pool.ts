import type { PostgresClientLike, PostgresPoolLike } from "../../lib/storages/postgres/index.ts";
import { clientWithQuery } from "./client-with-query.ts";

/** A pool that knows what is sent through it. */
export interface CountedPool extends PostgresPoolLike {
  /** The texts of the statements sent since the last call of this. */
  sent(): readonly string[];
  /** The most statements that were without an answer at the same time, since the last call of this. */
  mostAtOnce(): number;
  /** Resolves once all that was sent is answered. */
  idle(): Promise<void>;
}

export function countedPool(pool: PostgresPoolLike): CountedPool {
  let texts: string[] = [];
  let running = 0;
  let most = 0;
  let answered = Promise.withResolvers<void>();

  function counted(client: PostgresClientLike): PostgresClientLike {
    return clientWithQuery(client, async (statement) => {
      texts.push(statement.text);
      running += 1;
      most = Math.max(most, running);
      try {
        return await client.query(statement);
      } finally {
        running -= 1;
        answered.resolve();
        answered = Promise.withResolvers();
      }
    });
  }

  return {
    connect: async () => counted(await pool.connect()),
    end: () => pool.end(),
    sent() {
      const sent = texts;
      texts = [];
      return sent;
    },
    mostAtOnce() {
      const found = most;
      most = running;
      return found;
    },
    async idle() {
      while (running > 0) await answered.promise;
    },
  };
}
