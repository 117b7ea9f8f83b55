import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { startPostgresProcess } from "../postgres-process.ts";
import { openDatabase } from "./database.ts";
import { type Fleet, startFleet, startWorker, type Worker } from "./fleet.ts";
import { fleetCustomers } from "./fleet-flags.ts";
import type { Answers, AskReport, HealthReport, WatchReport, WorkerTask } from "./orders.ts";
import { until } from "./until.ts";

export interface CrashSize {
  /** Half of them with everything in memory. */
  readonly processes: number;
  readonly changes: number;
  readonly tenants: number;
  readonly seed: number;
  /** Milliseconds without a database, once all have noticed. */
  readonly outage: number;
}

export interface CrashReport {
  /** Of each process, from before the crash until all was well again. */
  readonly watched: readonly WatchReport[];
  /** Codes of the writes that were tried during the outage. */
  readonly refused: readonly string[];
  /** What a process that was started during the outage says first, and what was last true. */
  readonly restarted: AskReport;
  readonly lastTrue: number;
  /** How a process ended that was closed during the outage. */
  readonly closed: number | NodeJS.Signals;
  readonly answers: readonly Answers[];
  readonly truth: Answers;
  readonly health: readonly HealthReport[];
}

const SCHEMA = "strata";
const KNOWN = { kind: "customer", id: "cust_known" } as const;
const LAST_TRUE = 4_711;

/** Kills the database server under several processes, has another process start meanwhile, and starts it again. */
export async function crash({ processes, changes, tenants, seed, outage }: CrashSize): Promise<CrashReport> {
  const directory = await mkdtemp(join(tmpdir(), "strata-crash-"));
  const server = await startPostgresProcess();
  const fleets: Pick<Fleet, "kill">[] = [];
  try {
    const { url } = server;
    const database = await openDatabase(url, SCHEMA);
    await database.storage.registerCustomers(fleetCustomers(tenants));
    await database.storage.saveCustomerFlags(KNOWN.id, { limits: { seats: LAST_TRUE } });
    await database.close();
    // A short life of what is cached, so that the outage is met.
    const snapshot = join(directory, "flags.snapshot");
    // Who refuses does so at once: the budget is for a busy machine.
    const task: WorkerTask = { url, schema: SCHEMA, tenants, seed, ttl: 200, snapshot, readBudget: 5_000 };
    const half = Math.ceil(processes / 2);
    const loading = await startFleet(half, task);
    fleets.push(loading);
    const preloaded = await startFleet(processes - half, { ...task, seed: seed + half, preload: true });
    fleets.push(preloaded);
    const workers = [...loading.workers, ...preloaded.workers];
    const watching = [...workers];
    const [first] = workers;
    if (first === undefined) throw new Error("There must be a process.");
    const all = <T>(ask: (worker: Worker) => Promise<T>) => Promise.all(workers.map(ask));

    await all((worker) => worker.order("warm", { tries: 50 }));
    await all((worker) => worker.order("watch", { every: 5 }));
    const before = await first.order("write", { count: changes });
    await first.order("settle", { revision: before.revision, timeout: 20_000 });
    const file = fileSnapshot(snapshot);
    await until("the snapshot is written", async () => {
      return ((await file.read())?.revision ?? -1) >= before.revision;
    });

    await server.kill();
    await until("all have noticed", async () => (await lostIn(workers)) === workers.length);
    const late = await startWorker({ ...task, seed: seed + processes });
    fleets.push(late);
    const restarted = await late.order("ask", KNOWN);
    const closing = await startWorker({ ...task, seed: seed + processes + 1, tenants: 1 });
    fleets.push(closing);
    await closing.order("ask", KNOWN);
    await closing.order("close", {});
    const closed = await closing.end();
    const { refused } = await first.order("write", { count: 5 });
    await new Promise((resolve) => setTimeout(resolve, outage));

    await server.start();
    workers.push(late);
    await until("all have found it back", async () => (await lostIn(workers)) === 0);
    await late.order("warm", { tries: 50 });
    const after = await first.order("write", { count: changes });
    if (after.refused.length > 0) throw new Error(`Refused after the outage: ${after.refused.join(", ")}`);
    await first.order("settle", { revision: after.revision, timeout: 30_000 });
    return {
      watched: await Promise.all(watching.map((worker) => worker.order("unwatch", {}))),
      ...{ refused, restarted, lastTrue: LAST_TRUE, closed },
      answers: await all((worker) => worker.order("answers", { fresh: false })),
      truth: await first.order("answers", { fresh: true }),
      health: await all((worker) => worker.order("health", {})),
    };
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.kill()));
    await server.end();
    await rm(directory, { recursive: true });
  }
}

async function lostIn(workers: readonly Worker[]): Promise<number> {
  const reports = await Promise.all(workers.map((worker) => worker.order("health", {})));
  return reports.reduce((sum, { lost }) => sum + lost, 0);
}
