import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { FeatureFlagManager } from "../lib/feature-flags/index.ts";
import { type PostgresPoolLike, postgresStorage } from "../lib/storages/postgres/index.ts";
import { startPostgresProcess } from "../test/postgres-process.ts";
import { clientWithQuery } from "../test/processes/client-with-query.ts";
import {
  BARE_CHANNEL,
  nanoseconds,
  PROBE,
  type Quantiles,
  quantiles,
  type Seen,
  watchedFlags,
} from "./propagation-probe.ts";

/**
 * How soon a change that one process commits is what eight others answer, beside how soon a bare NOTIFY reaches
 * them; and how many changes a second they can follow.
 */
export interface PropagationFigures {
  /** Milliseconds. */
  readonly visible: Quantiles;
  readonly bare: Quantiles;
  readonly changes: number;
  readonly mode: string;
  /** Changes per second, each with how many milliseconds after the last one all had it. */
  readonly rates: readonly { readonly wanted: number; readonly made: number; readonly lag: number }[];
}

const PROCESSES = 8;
const CHANGES = Number(process.argv[2] ?? 1_000);
const PACE = 25;
const RATES = [50, 100, 200, 400, 800];
const RATE_FOR = 3_000;
const WORKER = fileURLToPath(new URL("propagation-worker.ts", import.meta.url));

const server = await startPostgresProcess();
const workers: ChildProcess[] = [];
try {
  const pool = new pg.Pool({ connectionString: server.url });
  // When the server goes first, after a failure, that is not what must be told.
  pool.on("error", () => undefined);
  const commits = notedCommits(pool);
  const storage = await postgresStorage({ pool: commits.pool });
  const manager = new FeatureFlagManager({ definition: watchedFlags, environment: "production", storage });
  await manager.setCustomerFlags(PROBE, { limits: { seats: -1 } });
  for (let started = 0; started < PROCESSES; started += 1) {
    const worker = fork(WORKER, [server.url], { execArgv: ["--conditions=strata-source"] });
    workers.push(worker);
    await once(worker, "message");
  }
  await delay(2_000);

  const committed: number[] = [];
  const notified: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const next = performance.now() + PACE;
    await manager.setCustomerFlags(PROBE, { limits: { seats: change } });
    committed.push(commits.last());
    await delay(PACE / 2);
    notified.push(nanoseconds());
    await pool.query(`select pg_notify('${BARE_CHANNEL}', '${change}')`);
    await delay(Math.max(0, next - performance.now()));
  }
  await delay(3_000);
  const seen = await Promise.all(
    workers.map((worker) => ask<{ flags: Seen[]; bare: Seen[]; mode: string }>(worker, "seen")),
  );

  const rates: { wanted: number; made: number; lag: number }[] = [];
  for (const wanted of RATES) {
    const { made, revision } = await writeAt(manager, wanted);
    const start = performance.now();
    while ((await slowest()) < revision) await delay(2);
    const lag = performance.now() - start;
    rates.push({ wanted, made, lag });
    if (made < wanted * 0.8) break;
  }

  const figures: PropagationFigures = {
    visible: quantiles(seen.flatMap(({ flags }) => latencies(committed, flags))),
    bare: quantiles(seen.flatMap(({ bare }) => latencies(notified, bare))),
    changes: CHANGES,
    mode: [...new Set(seen.map(({ mode }) => mode))].join(", "),
    rates,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  await manager.close();
  await storage.close();
  await pool.end();
} finally {
  for (const worker of workers) worker.kill("SIGKILL");
  await server.end();
}

/** A pool that notes when the last COMMIT was sent. */
function notedCommits(real: pg.Pool): { pool: PostgresPoolLike; last(): number } {
  let last = 0;
  const pool: PostgresPoolLike = {
    async connect() {
      const client = await real.connect();
      return clientWithQuery(client, (statement) => {
        if (statement.text === "commit") last = nanoseconds();
        return client.query(statement);
      });
    },
    end: () => real.end(),
  };
  return { pool, last: () => last };
}

/** One order at a time for each worker. */
async function ask<T>(worker: ChildProcess, order: string): Promise<T> {
  const answer = once(worker, "message");
  worker.send(order);
  const [message] = await answer;
  return message;
}

async function slowest(): Promise<number> {
  return Math.min(...(await Promise.all(workers.map((worker) => ask<number>(worker, "revision")))));
}

/** Milliseconds from each start until that value, or a later one, was seen. */
function latencies(starts: readonly number[], seen: readonly Seen[]): number[] {
  const took: number[] = [];
  let next = 0;
  for (const [value, at] of seen) {
    for (; next <= value && next < starts.length; next += 1) took.push((at - (starts[next] ?? at)) / 1e6);
  }
  // A change that was never seen must not go unnoticed.
  for (; next < starts.length; next += 1) took.push(Number.POSITIVE_INFINITY);
  return took;
}

/** Changes other tenants, so many a second; fewer where the database takes no more. */
async function writeAt(
  manager: FeatureFlagManager<{ limits: { seats: number } }>,
  wanted: number,
): Promise<{ made: number; revision: number }> {
  const start = performance.now();
  let begun = 0;
  let newest = 0;
  async function write(): Promise<void> {
    while (performance.now() - start < RATE_FOR) {
      const due = start + (begun * 1_000) / wanted;
      begun += 1;
      await delay(Math.max(0, due - performance.now()));
      const id = `cust_${begun % 97}`;
      const { revision = 0 } = await manager.setCustomerFlags(id, {
        limits: { seats: begun + wanted * 1e6 },
      });
      newest = Math.max(newest, revision);
    }
  }
  await Promise.all(Array.from({ length: 8 }, write));
  return { made: (begun * 1_000) / (performance.now() - start), revision: newest };
}
