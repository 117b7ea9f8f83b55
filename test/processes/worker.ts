// One of several processes on one database: does what it is ordered to over IPC. Ends with its parent.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { systemClock } from "../../lib/feature-flags/core/clock.ts";
import type { TenantRef } from "../../lib/feature-flags/core/storage.ts";
import { type Clock, FeatureFlagManager, isFlagError } from "../../lib/feature-flags/index.ts";
import { postgresStorage } from "../../lib/storages/postgres/index.ts";
import { seededRandom } from "../faults/seeded-random.ts";
import { fleetChange, fleetFlags, fleetTenants } from "./fleet-flags.ts";
import type { Order, Reply, WorkerOrders, WorkerTask } from "./orders.ts";
import { notedRolloutCommits } from "./rollout-commits.ts";
import { steerRollouts } from "./steering.ts";
import { contextOf, nameOf, watchTenants } from "./watching.ts";

const task: WorkerTask = JSON.parse(process.argv[2] ?? "");
const random = seededRandom(task.seed);
const tenants = fleetTenants(task.tenants);
const accidents: string[] = [];
process.on("unhandledRejection", (reason) => accidents.push(`unhandled: ${String(reason)}`));
process.on("uncaughtException", (error) => accidents.push(`uncaught: ${error.stack}`));

/** Time as it is, but for what comes every half minute: that comes every second. */
const hurriedClock: Clock = {
  now: systemClock.now,
  setTimer: (run, delay) => systemClock.setTimer(run, delay === 30_000 ? 1_000 : delay),
};

const pools: pg.Pool[] = [];
const rolloutCommits: (() => readonly number[])[] = [];
const managers = Array.from({ length: task.managers ?? 1 }, () => {
  const pool = new pg.Pool({
    connectionString: task.url,
    max: task.connections ?? 4,
    application_name: task.schema,
    connectionTimeoutMillis: 5_000,
  });
  pool.on("error", () => undefined);
  pools.push(pool);
  const noted = task.rollouts === undefined ? { pool, sent: () => [] } : notedRolloutCommits(pool);
  rolloutCommits.push(noted.sent);
  return new FeatureFlagManager({
    definition: fleetFlags,
    environment: "production",
    storage: () => postgresStorage({ pool: noted.pool, schema: task.schema, prepare: task.prepare ?? true }),
    preload: task.preload ?? false,
    snapshot: task.snapshot,
    clock: hurriedClock,
    readBudget: task.readBudget,
    cache: { ttl: task.ttl },
  });
});
const manager = managers[0] ?? failed("A worker needs a manager.");
const watch = watchTenants(manager, tenants, random);
const steering =
  task.rollouts &&
  steerRollouts(manager, task.rollouts, () => rolloutCommits.flatMap((committed) => committed()));
const steered = () => steering ?? failed("This worker was not told to steer rollouts.");

function failed(message: string): never {
  throw new Error(message);
}

type Handlers = {
  [K in keyof WorkerOrders]: (asked: WorkerOrders[K]["asked"]) => Promise<WorkerOrders[K]["answer"]>;
};

const handlers: Handlers = {
  async warm({ tries }) {
    for (const one of managers) {
      await one.ready();
      for (let attempt = 1; attempt <= tries; attempt += 1) {
        const answers = await Promise.all(tenants.map((tenant) => one.getFlags(contextOf(tenant))));
        if (answers.every(({ error }) => error === undefined)) break;
        await delay(100);
      }
    }
    return null;
  },
  async write({ count }) {
    let newest = 0;
    const refused: string[] = [];
    for (let made = 0; made < count; made += 1) {
      const tenant = random.pick(tenants);
      try {
        const { version, revision } = await manager.updateOverride(tenant, fleetChange(random));
        if (revision === undefined) continue;
        newest = Math.max(newest, revision);
        watch.wrote(tenant, version);
      } catch (error) {
        refused.push(isFlagError(error) ? error.code : String(error));
      }
    }
    return { revision: newest, refused };
  },
  async watch({ every }) {
    watch.start(every);
    return null;
  },
  unwatch: () => watch.stop(),
  async settle({ revision, timeout }) {
    return (await manager.waitForPropagation(revision, { timeout })).instances;
  },
  async answers({ fresh }) {
    const answers = await Promise.all(
      tenants.map(async (tenant) => {
        const { config, version, stale, error } = await answered(tenant, fresh);
        return [nameOf(tenant), JSON.stringify({ config, version, stale, error: error?.code })] as const;
      }),
    );
    return Object.fromEntries(answers);
  },
  async ask(tenant) {
    const start = performance.now();
    const { config, stale, error } = await manager.getFlags(contextOf(tenant));
    const milliseconds = performance.now() - start;
    return { seats: config.limits.seats, stale, error: error?.code, milliseconds };
  },
  async clear() {
    for (const one of managers) one.clearCache();
    return null;
  },
  async health() {
    const lost = managers.filter((one) => one.getStats().storageLost !== undefined).length;
    const { revision } = manager.getStats().feed;
    return { accidents, lost, revision, rssMegabytes: process.memoryUsage.rss() / 1e6 };
  },
  steer: (asked) => steered().steer(asked),
  record: (asked) => steered().record(asked),
  keepRecording: (asked) => steered().keepRecording(asked),
  rollout: (asked) => steered().rollout(asked),
  async close() {
    await watch.stop();
    await steering?.close();
    await Promise.all(managers.map((one) => one.close()));
    await Promise.all(pools.map((pool) => pool.end()));
    return null;
  },
};

/** The first answer without an error: on a busy machine one may be late, and is marked so. */
async function answered(tenant: TenantRef, fresh: boolean) {
  for (let attempt = 1; ; attempt += 1) {
    const evaluation = await manager.getFlags(contextOf(tenant), { fresh });
    if (evaluation.error === undefined || attempt === 50) return evaluation;
    await delay(100);
  }
}

function obey<K extends keyof WorkerOrders>({ name, asked }: Order<K>): Promise<WorkerOrders[K]["answer"]> {
  return handlers[name](asked);
}

function reply(message: Reply): void {
  process.send?.(JSON.stringify(message));
}

process.on("message", (message) => {
  const order: Order = JSON.parse(String(message));
  obey(order).then(
    (answer) => {
      reply({ number: order.number, answer });
      // Without the channel nothing of this script's keeps the process alive: what does is the library's.
      if (order.name === "close") process.disconnect();
    },
    (error: Error) => reply({ number: order.number, error: error.stack ?? String(error) }),
  );
});
process.on("disconnect", () => {
  // The parent is gone, or has been told that all is closed: then there is nothing left to wait for but the end.
  setTimeout(() => process.exit(3), 20_000).unref();
});
reply({ number: 0 });
