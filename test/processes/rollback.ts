import type { FlagChangeEvent } from "../../lib/feature-flags/core/types.ts";
import { bucketOf, type RolloutEventInput } from "../../lib/rollout/pilot-manager.ts";
import { startFleet } from "./fleet.ts";
import type { HealthReport, WorkerTask } from "./orders.ts";
import { openRolloutHand } from "./rollout-hand.ts";
import type { RolloutSight } from "./rollout-orders.ts";
import { until } from "./until.ts";

export interface RollbackSize {
  readonly processes: number;
  /** How often it is started, and taken back. */
  readonly rounds: number;
  /** Errors that each process records, and as many exposures. */
  readonly errors: number;
  readonly seed: number;
}

export interface RollbackRound {
  /** When it was started, in milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Of each process, once it answered the old value. */
  readonly sights: readonly RolloutSight[];
  /** Transactions that wrote the rollout, of all processes. */
  readonly writes: number;
  /** From the commit of the start until the last process answered the new value. */
  readonly onAfter: number;
  /** From the commit of the rollback until the last process answered the old value. */
  readonly offAfter: number;
}

export interface RollbackReport {
  readonly rounds: readonly RollbackRound[];
  /** Audit rows, oldest first. */
  readonly changes: readonly FlagChangeEvent[];
  /** The rollout's version in the end. */
  readonly version: number | undefined;
  /** Of each process, after it looked for errors for a while longer. */
  readonly sights: readonly RolloutSight[];
  readonly health: readonly HealthReport[];
}

const ROLLED_BACK = "search";
export const ERROR_RATE = 0.05;
const SERVED = 50;
const CHECK_EVERY = 100;

/** Several processes share a rollout, and all see it fail at the same time. */
export async function rollBackAtOnce(
  { url, schema }: { url: string; schema: string },
  { processes, rounds, errors, seed }: RollbackSize,
): Promise<RollbackReport> {
  const hand = await openRolloutHand(url, schema);
  const ids = servedCustomers();
  const probe = ids();
  const steering = { checkEvery: CHECK_EVERY, flushEvery: 50, probe };
  const task: WorkerTask = { url, schema, seed, tenants: 1, readBudget: 10_000, rollouts: steering };
  await hand.rollouts.createRollout({
    ...{ featureName: ROLLED_BACK, path: "beta.search" },
    tiers: [
      { name: "half", percentage: SERVED },
      { name: "all", percentage: 100 },
    ],
    rollbackThreshold: { errorRate: ERROR_RATE, timeWindow: 600_000, minimumEvents: 20 },
  });
  const fleet = await startFleet(processes, task);
  const look = () => fleet.all("rollout", { featureName: ROLLED_BACK });
  const all = (search: boolean) => async () => (await look()).every((sight) => sight.search === search);
  const played: RollbackRound[] = [];
  try {
    await fleet.all("steer", {});
    for (let round = 0; round < rounds; round += 1) {
      const before = await look();
      const { rollout } = await hand.rollouts.startRollout(ROLLED_BACK);
      await until("all answer the new value", all(true));
      const recorded = fleet.workers.map((worker) =>
        worker.order("record", { events: eventsOf(ids, errors), flush: false }),
      );
      await Promise.all(recorded);
      await until("all answer the old value", all(false));
      const sights = await look();
      const startedAt = rollout.steps.at(-1)?.at ?? Number.NaN;
      const started = hand.committed().at(-1) ?? Number.NaN;
      const written = sights.flatMap(({ committed }, at) => committed.slice(before[at]?.committed.length));
      played.push({
        ...{ startedAt, sights, writes: written.length },
        onAfter: lastTurn(sights, true) - started / 1e6,
        offAfter: lastTurn(sights, false) - Math.min(...written) / 1e6,
      });
    }
    // Whoever is late to decide has time to do so.
    await new Promise((resolve) => setTimeout(resolve, 5 * CHECK_EVERY));
    const sights = await look();
    const health = await fleet.all("health", {});
    await fleet.all("close", {});
    const changes = await hand.storage.listChanges({ featureName: ROLLED_BACK, limit: 1_000 });
    const { rollouts } = await hand.storage.listRollouts();
    const version = rollouts.find(({ featureName }) => featureName === ROLLED_BACK)?.version;
    return { rounds: played, changes: changes.toReversed(), version, sights, health };
  } finally {
    await fleet.kill();
    await hand.close();
  }
}

/** Customers that it serves, each another one. */
function servedCustomers(): () => string {
  let next = 0;
  return () => {
    for (;;) {
      const id = `cust_${next}`;
      next += 1;
      if (bucketOf(ROLLED_BACK, id) < SERVED * 1_000) return id;
    }
  };
}

function eventsOf(ids: () => string, count: number): RolloutEventInput[] {
  return Array.from({ length: count }, ids).flatMap((customerId) => [
    { featureName: ROLLED_BACK, customerId, event: "enabled" },
    { featureName: ROLLED_BACK, customerId, event: "error" },
  ]);
}

/** When the last process turned to this answer, in milliseconds. */
function lastTurn(sights: readonly RolloutSight[], asked: boolean): number {
  const at = sights.map(({ turns }) => turns.findLast(({ search }) => search === asked)?.at);
  return Math.max(...at.map((turned) => turned ?? Number.POSITIVE_INFINITY)) / 1e6;
}
