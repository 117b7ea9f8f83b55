import { FeatureFlagManager, type FlagEvaluation } from "../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../lib/storages/memory/index.ts";
import { seeded, shuffled, type WideConfig, wideDefinition } from "./population.ts";
import { type Contender, type Timing, timeInRounds } from "./rounds.ts";

/**
 * The same tenants on three managers, in that order: without rollouts, where all share one answer; without
 * rollouts, where an override gives each its own; and with 50 active rollouts, which give each its own, too.
 */
export interface RolloutEvaluationFigures {
  readonly tenants: number;
  readonly peek: Timing[];
  readonly getFlags: Timing[];
  /** A tenant's first answer, for which memory storage is read. */
  readonly first: Timing[];
  /** Heap that a cached tenant takes. */
  readonly bytesPerTenant: number[];
}

const TENANTS = Number(process.argv[2] ?? 100_000);
const FIRST_TENANTS = 10_000;
const ROLLOUTS = 50;
const PERCENTAGES = [1, 10, 30, 50, 90];

type Manager = FeatureFlagManager<WideConfig>;

const definition = wideDefinition(10, 10);
const ids = Array.from({ length: TENANTS }, (_, index) => `cust_${index}`);
const order = shuffled(ids, seeded(1));
const bytesPerTenant: number[] = [];
const managers = [await cached("shared", 0, false), await cached("own", 0, true)];
const rolledOut = await cached("rolled out", ROLLOUTS, false);
managers.push(rolledOut);
checkShare(rolledOut);

const context = { customerId: "" };
const found = (evaluation: FlagEvaluation<WideConfig> | undefined): number =>
  evaluation === undefined ? 0 : 1;
const cachedTimings = await timeInRounds([...managers.map(peeking), ...managers.map(getting)], 15);
const first = await timeInRounds(managers.map(anew), 11);
const figures: RolloutEvaluationFigures = {
  tenants: TENANTS,
  peek: cachedTimings.slice(0, managers.length),
  getFlags: cachedTimings.slice(managers.length),
  ...{ first, bytesPerTenant },
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
for (const manager of managers) await manager.close();

function peeking(manager: Manager): Contender {
  const run = () => {
    let sum = 0;
    for (let at = 0; at < order.length; at += 1) {
      context.customerId = order[at] ?? "";
      sum += found(manager.peek(context));
    }
    if (sum !== order.length) throw new Error("A tenant is not cached: the bench would measure nothing");
    return sum;
  };
  return { name: "peek", operations: order.length, run };
}

function getting(manager: Manager): Contender {
  return { name: "getFlags", operations: order.length, run: () => getAll(manager, order) };
}

function anew(manager: Manager): Contender {
  const asked = order.slice(0, FIRST_TENANTS);
  const run = () => {
    manager.clearCache();
    return getAll(manager, asked);
  };
  return { name: "first", operations: asked.length, run };
}

async function getAll(manager: Manager, asked: readonly string[]): Promise<number> {
  let sum = 0;
  for (let at = 0; at < asked.length; at += 1) {
    context.customerId = asked[at] ?? "";
    sum += found(await manager.getFlags(context));
  }
  return sum;
}

async function cached(name: string, rollouts: number, overridden: boolean): Promise<Manager> {
  const storage = memoryStorage();
  const manager = new FeatureFlagManager({
    ...{ definition, storage },
    cache: { maxEntries: TENANTS, ttl: 86_400_000 },
  });
  await roll(manager, rollouts);
  if (overridden) for (const id of ids) await storage.saveCustomerFlags(id, { group0: { flag9: true } });
  const before = heapNow();
  for (const customerId of ids) await manager.getFlags({ customerId });
  bytesPerTenant.push((heapNow() - before) / TENANTS);
  if (manager.getCacheStats().size !== TENANTS) throw new Error(`Not every tenant is cached: ${name}`);
  return manager;
}

/** At five flags of each group. */
async function roll(manager: Manager, rollouts: number): Promise<void> {
  const pilots = new PilotRolloutManager({ flags: manager, checkEvery: 0 });
  for (let index = 0; index < rollouts; index += 1) {
    const featureName = `feature_${index}`;
    const percentage = PERCENTAGES[index % PERCENTAGES.length] ?? 0;
    await pilots.createRolloutFrom({
      ...{ featureName, path: `group${Math.floor(index / 5)}.flag${index % 5}` },
      tiers: [
        { name: "some", percentage },
        { name: "all", percentage: 100 },
      ],
    });
    await pilots.startRollout(featureName);
  }
  await pilots.close();
}

function checkShare(manager: Manager): void {
  const served = ids.filter((customerId) => manager.peek({ customerId })?.config.group0?.flag3 === true);
  if (Math.abs(served.length / TENANTS - 0.5) > 0.05) throw new Error("The rollouts do not serve");
}

function heapNow(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
