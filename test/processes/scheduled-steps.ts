import { setTimeout as delay } from "node:timers/promises";
import type { Rollout } from "../../lib/feature-flags/core/rollout.ts";
import type { FlagChangeEvent } from "../../lib/feature-flags/core/types.ts";
import { seededRandom } from "../faults/seeded-random.ts";
import { startWorker, type Worker } from "./fleet.ts";
import type { HealthReport, WorkerTask } from "./orders.ts";
import { openRolloutHand, type RolloutHand } from "./rollout-hand.ts";
import { until } from "./until.ts";

export interface ScheduleSize {
  readonly tiers: number;
  /** Processes that are killed while they hold the schedule, unless it is complete before; fewer than tiers. */
  readonly kills: number;
  readonly seed: number;
}

export interface ScheduleReport {
  readonly rollout: Rollout | undefined;
  readonly version: number | undefined;
  /** Audit rows, oldest first. */
  readonly changes: readonly FlagChangeEvent[];
  readonly health: readonly HealthReport[];
  /** Processes that held the schedule when they were killed. */
  readonly holdersKilled: number;
}

const SCHEDULED = "scheduled";
export const BAKE_TIME = 200;
const CHECK_EVERY = 80;

/** A schedule that two processes look after; whoever steps is killed, and another process takes its place. */
export async function killWhileStepping(
  { url, schema }: { url: string; schema: string },
  { tiers, kills, seed }: ScheduleSize,
): Promise<ScheduleReport> {
  const random = seededRandom(seed);
  const hand = await openRolloutHand(url, schema);
  const steering = { checkEvery: CHECK_EVERY, flushEvery: 50, probe: "cust_0" };
  const task: WorkerTask = { url, schema, seed, tenants: 1, readBudget: 10_000, rollouts: steering };
  const workers = new Map<string, Worker>();
  const start = async () => {
    const worker = await startWorker(task);
    workers.set(await worker.order("steer", {}), worker);
  };
  let isOver = false;
  let events: Promise<void> | undefined;
  try {
    await hand.rollouts.createRollout({
      ...{ featureName: SCHEDULED, path: "beta.search" },
      tiers: Array.from({ length: tiers }, (_, tier) => ({
        name: `tier_${tier}`,
        percentage: (100 * (tier + 1)) / tiers,
      })),
      // Whoever is allowed is served at every tier, so that all have events.
      allowedCustomers: ["cust_0"],
      schedule: { bakeTime: BAKE_TIME },
    });
    await Promise.all([start(), start()]);
    await hand.rollouts.startRollout(SCHEDULED);
    events = keepExposing(hand, () => isOver);
    let holdersKilled = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const at = Math.max(1, Math.floor((tiers * (kill + 1)) / (kills + 1)));
      await until(`tier ${at} is reached`, async () => ((await stored(hand)).rollout?.tier ?? 0) >= at);
      // Any moment between two checks, or within one.
      await delay(random.below(CHECK_EVERY));
      let holder = "";
      // The lease is the killed one's until it has run out.
      await until("somebody living steps, or all is done", async () => {
        const [lease] = await hand.rows("select holder from flag_leases where name = 'rollout-schedule'");
        holder = String(lease?.["holder"]);
        return workers.has(holder) || (await stored(hand)).rollout?.status === "completed";
      });
      await workers.get(holder)?.kill();
      if (workers.delete(holder)) holdersKilled += 1;
      if (kill + 1 < kills) await start();
    }
    await until("it is complete", async () => (await stored(hand)).rollout?.status === "completed");
    // Whoever would step once more has time to do so.
    await delay(5 * CHECK_EVERY);
    const health = await Promise.all([...workers.values()].map((worker) => worker.order("health", {})));
    const changes = await hand.storage.listChanges({ featureName: SCHEDULED, limit: 1_000 });
    return { ...(await stored(hand)), changes: changes.toReversed(), health, holdersKilled };
  } finally {
    isOver = true;
    await events;
    await Promise.all([...workers.values()].map((worker) => worker.kill()));
    await hand.close();
  }
}

async function stored({ rollouts }: RolloutHand) {
  const rollout = await rollouts.getRolloutConfig(SCHEDULED);
  return { rollout, version: rollout?.version };
}

async function keepExposing({ rollouts }: RolloutHand, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    rollouts.recordEvent({ featureName: SCHEDULED, customerId: "cust_0", event: "enabled" });
    await delay(20);
  }
}
