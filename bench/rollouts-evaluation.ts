import { FeatureFlagManager, type FlagEvaluation } from "../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../lib/rollout/pilot-manager.ts";
import { memoryStorage } from "../lib/storages/memory/index.ts";
import { seeded, shuffled, type WideConfig, wideDefinition } from "./population.ts";
import { timeInRounds } from "./rounds.ts";

/** The same tenants without rollouts and with 50 active ones: answers from the cache, then each one's first. */
const TENANTS = Number(process.argv[2] ?? 100_000);
const FIRST_TENANTS = 10_000;
const ROLLOUTS = 50;
const PERCENTAGES = [1, 10, 30, 50, 90];

const definition = wideDefinition(10, 10);
const ids = Array.from({ length: TENANTS }, (_, index) => `cust_${index}`);
const order = shuffled(ids, seeded(1));
const first = order.slice(0, FIRST_TENANTS);
const none = await managerWith(0);
const many = await managerWith(ROLLOUTS);

const bytesBefore = heapNow();
for (const customerId of ids) await none.getFlags({ customerId });
const bytesNone = heapNow();
for (const customerId of ids) await many.getFlags({ customerId });
const bytesMany = heapNow();
checkShares();

const context = { customerId: "" };
const found = (evaluation: FlagEvaluation<WideConfig> | undefined): number =>
  evaluation === undefined ? 0 : 1;

function peeking(name: string, manager: FeatureFlagManager<WideConfig>) {
  const run = () => {
    let sum = 0;
    for (let at = 0; at < order.length; at += 1) {
      context.customerId = order[at] ?? "";
      sum += found(manager.peek(context));
    }
    if (sum !== order.length) throw new Error("A tenant is not cached: the bench would measure nothing");
    return sum;
  };
  return { name, operations: order.length, run };
}

function getting(name: string, manager: FeatureFlagManager<WideConfig>, asked: readonly string[]) {
  const run = async () => {
    let sum = 0;
    for (let at = 0; at < asked.length; at += 1) {
      context.customerId = asked[at] ?? "";
      sum += found(await manager.getFlags(context));
    }
    return sum;
  };
  return { name, operations: asked.length, run };
}

function anew(name: string, manager: FeatureFlagManager<WideConfig>) {
  const asking = getting(name, manager, first);
  const run = () => {
    manager.clearCache();
    return asking.run();
  };
  return { ...asking, run };
}

const cached = await timeInRounds(
  [
    peeking("peek, none", none),
    peeking("peek", many),
    getting("await getFlags, none", none, order),
    getting("await getFlags", many, order),
  ],
  31,
);
const fresh = await timeInRounds([anew("first, none", none), anew("first", many)], 21);

process.stdout.write(
  `${JSON.stringify({
    timings: [...cached, ...fresh],
    bytesPerTenant: { none: (bytesNone - bytesBefore) / TENANTS, many: (bytesMany - bytesNone) / TENANTS },
  })}\n`,
);
process.exit();

async function managerWith(rollouts: number): Promise<FeatureFlagManager<WideConfig>> {
  const cache = { maxEntries: TENANTS, ttl: 86_400_000 };
  const manager = new FeatureFlagManager({ definition, storage: memoryStorage(), cache });
  const pilots = new PilotRolloutManager({ flags: manager, checkEvery: 0 });
  for (let index = 0; index < rollouts; index += 1) {
    const featureName = `feature_${index}`;
    const percentage = PERCENTAGES[index % PERCENTAGES.length] ?? 0;
    await pilots.createRolloutFrom({
      ...{ featureName, path: pathOf(index) },
      tiers: [
        { name: "some", percentage },
        { name: "all", percentage: 100 },
      ],
    });
    await pilots.startRollout(featureName);
  }
  return manager;
}

/** Five flags of each group. */
function pathOf(index: number): string {
  return `group${Math.floor(index / 5)}.flag${index % 5}`;
}

function checkShares(): void {
  const served = (manager: FeatureFlagManager<WideConfig>) =>
    ids.filter((customerId) => manager.peek({ customerId })?.config.group0?.flag3 === true).length / TENANTS;
  if (served(none) !== 0 || Math.abs(served(many) - 0.5) > 0.05) throw new Error("The rollouts do not serve");
}

function heapNow(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
