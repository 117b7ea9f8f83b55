import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** Ends every listening backend of `application` again and again, until the returned function is called. */
export function cutListeners(url: string, application: string, every: number): () => Promise<number> {
  let stopped = false;
  let cut = 0;
  const cutting = (async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    while (!stopped) {
      // What listens runs nothing else but the probe that it is still there.
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = $1 and pid <> pg_backend_pid() and query ~* '^(listen |select 1$)'`,
        [application],
      );
      cut += rowCount ?? 0;
      await delay(every);
    }
    await client.end();
  })();
  return async () => {
    stopped = true;
    await cutting;
    return cut;
  };
}
