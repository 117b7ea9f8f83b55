import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { defineFlags, FeatureFlagManager, type FlagStorage } from "../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../lib/rollout/pilot-manager.ts";
import { postgresStorage } from "../lib/storages/postgres/index.ts";
import { sqliteStorage } from "../lib/storages/sqlite/index.ts";
import { startPostgresProcess } from "../test/postgres-process.ts";

/** Events recorded in one process at a steady rate. */
export interface EventFigures {
  readonly seconds: number;
  readonly recorded: number;
  readonly dropped: number;
  /** Rows that the database counts in the end. */
  readonly stored: number;
  /** The most that waited to be written. */
  readonly mostWaiting: number;
  /** Heap after collection: before the first event, halfway, and once all are written. */
  readonly heap: readonly [before: number, halfway: number, after: number];
  /** The longest call for `batch` events in turn, in milliseconds. */
  readonly longestBatch: number;
  readonly batch: number;
  /** The longest that the event loop was held up, in milliseconds. */
  readonly longestStall: number;
}

const SECONDS = 10;
const RATE = 20_000;
const BATCH = 100;
const CUSTOMERS = 50_000;
const FEATURE = "search";
const [, , database = "sqlite"] = process.argv;

const flags = defineFlags({ defaults: { beta: { search: false } } });
const customers = Array.from({ length: CUSTOMERS }, (_, index) => `cust_${index}`);
const figures = database === "sqlite" ? await onSqlite() : await onPostgres();
process.stdout.write(`${JSON.stringify(figures)}\n`);

async function onSqlite(): Promise<EventFigures> {
  const directory = await mkdtemp(join(tmpdir(), "strata-bench-"));
  try {
    return await record(await sqliteStorage({ file: join(directory, "flags.db") }));
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function onPostgres(): Promise<EventFigures> {
  const server = await startPostgresProcess();
  try {
    return await record(await postgresStorage({ url: server.url }));
  } finally {
    await server.end();
  }
}

async function record(storage: FlagStorage): Promise<EventFigures> {
  const manager = new FeatureFlagManager({ definition: flags, environment: "production", storage });
  const rollouts = new PilotRolloutManager({ flags: manager });
  await rollouts.createRollout({
    ...{ featureName: FEATURE, path: "beta.search" },
    rollbackThreshold: { errorRate: 0.5, timeWindow: 3_600_000, minimumEvents: 20 },
    tiers: [
      { name: "all", percentage: 100 },
      { name: "for good", percentage: 100 },
    ],
  });
  await rollouts.startRollout(FEATURE);
  const before = heapNow();
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  let halfway = 0;
  let recorded = 0;
  let longestBatch = 0;
  let mostWaiting = 0;
  const start = performance.now();
  while (recorded < SECONDS * RATE) {
    const due = Math.min(SECONDS * RATE, ((performance.now() - start) * RATE) / 1_000);
    while (recorded + BATCH <= due) {
      const begun = performance.now();
      for (let index = 0; index < BATCH; index += 1) {
        const customerId = customers[recorded % CUSTOMERS] ?? "";
        rollouts.recordEvent({
          ...{ featureName: FEATURE, customerId },
          event: recorded % 100 === 0 ? "error" : "enabled",
        });
        recorded += 1;
      }
      longestBatch = Math.max(longestBatch, performance.now() - begun);
    }
    mostWaiting = Math.max(mostWaiting, rollouts.getEventStats().waiting);
    if (halfway === 0 && recorded >= (SECONDS * RATE) / 2) halfway = heapNow();
    await delay(1);
  }
  const seconds = (performance.now() - start) / 1_000;
  loop.disable();
  await rollouts.flush();
  const after = heapNow();
  await rollouts.close();
  const stats = rollouts.getEventStats();
  const dropped = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  const counts = await storage.countRolloutEvents({
    ...{ featureName: FEATURE, since: 0 },
    until: Date.now() + 120_000,
  });
  const stored = counts.reduce((sum, { count }) => sum + count, 0);
  await manager.close();
  await storage.close();
  return {
    ...{ seconds, recorded, dropped, stored, mostWaiting, longestBatch, batch: BATCH },
    heap: [before, halfway, after],
    longestStall: loop.max / 1e6,
  };
}

function heapNow(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
