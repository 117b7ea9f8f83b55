import { setTimeout as delay } from "node:timers/promises";
import { openDatabase } from "./database.ts";
import { type ProxyFault, startProxy } from "./faulty-proxy.ts";
import { startFleet } from "./fleet.ts";
import { fleetCustomers } from "./fleet-flags.ts";
import type { Answers, HealthReport, WatchReport, WorkerTask } from "./orders.ts";
import { until } from "./until.ts";

export interface FaultyNetworkSize {
  readonly processes: number;
  readonly tenants: number;
  readonly seed: number;
  /** Milliseconds of each fault. */
  readonly each: number;
  /** How often all of them come. */
  readonly rounds: number;
}

export interface FaultyNetworkReport {
  readonly phases: readonly { readonly fault: ProxyFault; readonly watched: readonly WatchReport[] }[];
  readonly health: readonly HealthReport[];
  /** Megabytes that the processes held together, after the first round and after the last. */
  readonly memory: readonly [number, number];
  readonly answers: readonly Answers[];
  readonly truth: Answers;
}

const FAULTS = ["pass", "delay", "hang", "reset", "gone"] as const;

/** Several processes are asked without pause while the way to their database fails in every manner. */
export async function faultyNetwork(
  { url, schema }: { url: string; schema: string },
  { processes, tenants, seed, each, rounds }: FaultyNetworkSize,
): Promise<FaultyNetworkReport> {
  const database = await openDatabase(url, schema);
  await database.storage.registerCustomers(fleetCustomers(tenants));
  const proxy = await startProxy(url);
  const task: WorkerTask = { url: proxy.url, schema, tenants, seed, ttl: 100 };
  const fleet = await startFleet(processes, task);
  try {
    await fleet.all("warm", { tries: 50 });
    await fleet.workers[0]?.order("write", { count: tenants });
    const phases: { fault: ProxyFault; watched: WatchReport[] }[] = [];
    const held: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const fault of FAULTS) {
        await proxy.set(fault);
        await fleet.all("watch", { every: 2 });
        await delay(each);
        phases.push({ fault, watched: await fleet.all("unwatch", {}) });
      }
      const health = await fleet.all("health", {});
      held.push(health.reduce((sum, { rssMegabytes }) => sum + rssMegabytes, 0));
    }
    await proxy.set("pass");
    await until("all have found storage back", async () =>
      (await fleet.all("health", {})).every(({ lost }) => lost === 0),
    );
    // What was changed behind their backs reaches them as well.
    const { revision = 0 } = await database.storage.saveCustomerFlags("cust_last", { plan: "last" });
    await fleet.workers[0]?.order("settle", { revision, timeout: 30_000 });
    const health = await fleet.all("health", {});
    const answers = await fleet.all("answers", { fresh: false });
    const truth = (await fleet.workers[0]?.order("answers", { fresh: true })) ?? {};
    return { phases, health, memory: [held[0] ?? 0, held.at(-1) ?? 0], answers, truth };
  } finally {
    await fleet.kill();
    await proxy.close();
    await database.close();
  }
}
