import { openDatabase } from "./database.ts";
import { startFleet } from "./fleet.ts";
import { fleetCustomers } from "./fleet-flags.ts";
import type { Answers, HealthReport, WatchReport, WorkerTask } from "./orders.ts";

export interface ConvergenceSize {
  readonly processes: number;
  readonly changes: number;
  readonly tenants: number;
  readonly seed: number;
  readonly preload: boolean;
}

export interface ConvergenceReport {
  readonly refused: readonly string[];
  readonly watched: readonly WatchReport[];
  readonly health: readonly HealthReport[];
  /** How many instances there were when the last change had reached all. */
  readonly instances: number;
  /** What each process answers in the end. */
  readonly answers: readonly Answers[];
  /** What a fresh read of the database answers. */
  readonly truth: Answers;
  readonly milliseconds: number;
}

/**
 * Several processes change the same tenants at random while each asks for them, too. `disturb` goes on from the
 * first change until all are made; what it returns ends it. The processes reach the database by way of `pooler`,
 * where there is one.
 */
export async function converge(
  { url, schema, pooler }: { url: string; schema: string; pooler?: string },
  { processes, changes, tenants, seed, preload }: ConvergenceSize,
  disturb: () => () => Promise<void> = () => async () => {},
): Promise<ConvergenceReport> {
  // Generous: this is about what is answered, on however busy a machine.
  const task: WorkerTask = {
    ...{ schema, tenants, seed, preload, readBudget: 10_000 },
    url: pooler ?? url,
    prepare: pooler === undefined,
  };
  await register(url, schema, tenants);
  const fleet = await startFleet(processes, task);
  try {
    await fleet.all("warm", { tries: 50 });
    await fleet.all("watch", { every: 1 });
    const start = performance.now();
    const calm = disturb();
    const written = await fleet.all("write", { count: Math.ceil(changes / processes) });
    await calm();
    const revision = Math.max(...written.map((report) => report.revision));
    const instances = (await fleet.workers[0]?.order("settle", { revision, timeout: 30_000 })) ?? 0;
    const milliseconds = performance.now() - start;
    const watched = await fleet.all("unwatch", {});
    const answers = await fleet.all("answers", { fresh: false });
    const truth = (await fleet.workers[0]?.order("answers", { fresh: true })) ?? {};
    const health = await fleet.all("health", {});
    return {
      refused: written.flatMap((report) => report.refused),
      ...{ watched, health, instances, answers, truth, milliseconds },
    };
  } finally {
    await fleet.kill();
  }
}

async function register(url: string, schema: string, tenants: number): Promise<void> {
  const { storage, close } = await openDatabase(url, schema);
  await storage.registerCustomers(fleetCustomers(tenants));
  await close();
}
