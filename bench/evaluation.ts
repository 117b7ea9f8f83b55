import type { FlagEvaluation } from "../lib/feature-flags/index.ts";
import { cachedTenants, seeded, shuffled, type WideConfig, wideDefinition } from "./population.ts";
import { timeInRounds } from "./rounds.ts";

const [, , each = "10", groups = "2", perGroup = "7", count = "100000"] = process.argv;
const tenants = Number(count);
const definition = wideDefinition(Number(groups), Number(perGroup));
const { manager, ids } = await cachedTenants(tenants, Number(each), definition);
const order = shuffled(ids, seeded(1));

const bare = new Map<string, FlagEvaluation<WideConfig>>();
for (const id of ids) {
  const evaluation = manager.peek({ customerId: id });
  if (evaluation === undefined) throw new Error(`"${id}" is not cached: the bench would measure nothing`);
  const expected = bare.size % Number(each) === 0;
  if (evaluation.config.group0?.flag0 !== expected) throw new Error(`"${id}" got a wrong answer`);
  bare.set(id, evaluation);
}

// An index loop: iterating with for-of allocates a result object per step until it is optimised.
const idAt = (at: number): string => order[at] ?? "";
const context = { customerId: "" };
const found = (evaluation: FlagEvaluation<WideConfig> | undefined): number =>
  evaluation === undefined ? 0 : 1;
const asyncGet = async (id: string): Promise<FlagEvaluation<WideConfig> | undefined> => bare.get(id);

const timings = await timeInRounds(
  [
    {
      name: "Map.get",
      operations: tenants,
      run: () => {
        let sum = 0;
        for (let at = 0; at < order.length; at += 1) sum += found(bare.get(idAt(at)));
        return sum;
      },
    },
    {
      name: "peek",
      operations: tenants,
      run: () => {
        let sum = 0;
        for (let at = 0; at < order.length; at += 1) {
          context.customerId = idAt(at);
          sum += found(manager.peek(context));
        }
        return sum;
      },
    },
    {
      name: "await async Map.get",
      operations: tenants,
      run: async () => {
        let sum = 0;
        for (let at = 0; at < order.length; at += 1) sum += found(await asyncGet(idAt(at)));
        return sum;
      },
    },
    {
      name: "await getFlags",
      operations: tenants,
      run: async () => {
        let sum = 0;
        for (let at = 0; at < order.length; at += 1) {
          context.customerId = idAt(at);
          sum += found(await manager.getFlags(context));
        }
        return sum;
      },
    },
  ],
  41,
);
process.stdout.write(`${JSON.stringify(timings)}\n`);
