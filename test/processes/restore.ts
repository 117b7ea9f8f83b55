import { openDatabase } from "./database.ts";
import { startFleet } from "./fleet.ts";
import { fleetCustomers } from "./fleet-flags.ts";
import type { Answers, HealthReport, WorkerTask } from "./orders.ts";
import { until } from "./until.ts";

export interface RestoreSize {
  readonly processes: number;
  readonly changes: number;
  readonly tenants: number;
  readonly seed: number;
  readonly preload: boolean;
  /** Whether whoever restores also gives the database a new epoch. */
  readonly newEpoch: boolean;
}

export interface RestoreReport {
  readonly answers: readonly Answers[];
  readonly truth: Answers;
  /** What all answered before the restore. */
  readonly before: Answers;
  readonly health: readonly HealthReport[];
}

const TABLES = ["customer_feature_flags", "organization_feature_flags", "flag_revisions", "flag_state"];

/** Puts the tables back to what they held earlier, under running processes that have seen more since. */
export async function restore(
  { url, schema }: { url: string; schema: string },
  { processes, changes, tenants, seed, preload, newEpoch }: RestoreSize,
): Promise<RestoreReport> {
  const { pool, storage, close } = await openDatabase(url, schema);
  await storage.registerCustomers(fleetCustomers(tenants));
  const task: WorkerTask = { url, schema, tenants, seed, preload, readBudget: 10_000 };
  const fleet = await startFleet(processes, task);
  try {
    await fleet.all("warm", { tries: 50 });
    const share = { count: Math.ceil(changes / processes) };
    await settled(await fleet.all("write", share));
    for (const table of TABLES)
      await pool.query(`create table "${schema}"."dump_${table}" as table "${schema}"."${table}"`);
    await settled(await fleet.all("write", share));
    await fleet.all("warm", { tries: 50 });
    const before = (await fleet.workers[0]?.order("answers", { fresh: false })) ?? {};

    // As one statement, so that it is one transaction, as psql --single-transaction makes it.
    const restored = TABLES.map(
      (table) =>
        `delete from "${schema}"."${table}"; insert into "${schema}"."${table}" select * from "${schema}"."dump_${table}";`,
    );
    const epoch = newEpoch ? `update "${schema}".flag_state set epoch = md5(random()::text);` : "";
    await pool.query(`${restored.join("\n")} ${epoch}`);
    const state = await storage.readState();
    await until("all have read anew", async () =>
      (await fleet.all("health", {})).every(({ revision }) => revision === state.revision),
    );
    return {
      before,
      answers: await fleet.all("answers", { fresh: false }),
      truth: (await fleet.workers[0]?.order("answers", { fresh: true })) ?? {},
      health: await fleet.all("health", {}),
    };
  } finally {
    await fleet.kill();
    await close();
  }

  async function settled(written: readonly { revision: number }[]): Promise<void> {
    const revision = Math.max(...written.map((report) => report.revision));
    await fleet.workers[0]?.order("settle", { revision, timeout: 30_000 });
  }
}
