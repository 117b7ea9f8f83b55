import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "./database.ts";
import { startProxy } from "./faulty-proxy.ts";
import { startFleet } from "./fleet.ts";
import type { HealthReport, WorkerTask } from "./orders.ts";
import { until } from "./until.ts";

export interface ReturnSize {
  readonly processes: number;
  readonly managersEach: number;
  /** Milliseconds without a database, after the first three seconds. */
  readonly outage: number;
}

export interface ReturnReport {
  /** The most connections begun within one second, while storage was away and after it was back. */
  readonly whileAway: number;
  readonly afterwards: number;
  /** Of all, from its return until the last manager had found it. */
  readonly milliseconds: number;
  readonly health: readonly HealthReport[];
}

/** Many managers lose their database in the same moment, and find it back. */
export async function comeBack(
  { url, schema }: { url: string; schema: string },
  { processes, managersEach, outage }: ReturnSize,
): Promise<ReturnReport> {
  await (await openDatabase(url, schema)).close();
  const proxy = await startProxy(url);
  const few = { tenants: 3, managers: managersEach, connections: 2 };
  const task: WorkerTask = { url: proxy.url, schema, seed: 1, readBudget: 5_000, ...few };
  const fleet = await startFleet(processes, task);
  try {
    await fleet.all("warm", { tries: 50 });
    const lost = async () => (await fleet.all("health", {})).reduce((sum, health) => sum + health.lost, 0);
    // Connections are taken and broken at once: each attempt is seen.
    await proxy.set("reset");
    await fleet.all("clear", {});
    await fleet.all("warm", { tries: 1 });
    await until("all have noticed", async () => (await lost()) === processes * managersEach);
    // The first seconds are for noticing: what counts is the pace at which they go on asking.
    await delay(3_000);
    proxy.begun();
    await delay(outage);
    const whileAway = mostWithinOneSecond(proxy.begun());
    const start = performance.now();
    await proxy.set("pass");
    await until("all have found it back", async () => (await lost()) === 0);
    const milliseconds = performance.now() - start;
    const afterwards = mostWithinOneSecond(proxy.begun());
    return { whileAway, afterwards, milliseconds, health: await fleet.all("health", {}) };
  } finally {
    await fleet.kill();
    await proxy.close();
  }
}

function mostWithinOneSecond(times: readonly number[]): number {
  let most = 0;
  for (const [last, time] of times.entries()) {
    const first = times.findIndex((earlier) => earlier > time - 1_000);
    most = Math.max(most, last - first + 1);
  }
  return most;
}
