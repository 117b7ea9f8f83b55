import { FeatureFlagManager } from "../lib/feature-flags/index.ts";
import { postgresStorage } from "../lib/storages/postgres/index.ts";
import { startPostgresProcess } from "../test/postgres-process.ts";
import { startProxy } from "../test/processes/faulty-proxy.ts";
import { type Quantiles, quantiles, watchedFlags } from "./propagation-probe.ts";

type OutageFault = "pass" | "hang" | "gone";

/** How long an evaluation takes while the database is well, hangs, and is gone: microseconds. */
export interface OutageFigures {
  readonly fault: OutageFault;
  /** Of tenants whose answer is in the cache. */
  readonly cached: Quantiles;
  /** Of tenants whose cached answer has expired: read again, or stale. */
  readonly expired: Quantiles;
}

const TENANTS = 500;
const CACHED_ROUNDS = 200;
const EXPIRED_ROUNDS = 20;

const server = await startPostgresProcess();
const proxy = await startProxy(server.url);
try {
  const open = () => postgresStorage({ url: proxy.url });
  const given = { definition: watchedFlags, environment: "production", storage: open };
  const keeping = new FeatureFlagManager({ ...given, cache: { ttl: 3_600_000 } });
  const forgetting = new FeatureFlagManager({ ...given, cache: { ttl: 1 } });
  const contexts = Array.from({ length: TENANTS }, (_, index) => ({ customerId: `cust_${index}` }));
  for (let index = 0; index < TENANTS; index += 2) {
    await keeping.setCustomerFlags(`cust_${index}`, { limits: { seats: index + 1 } });
  }
  await evaluate(keeping, 3);
  await evaluate(forgetting, 3);

  const figures: OutageFigures[] = [];
  for (const fault of ["pass", "hang", "gone"] satisfies OutageFault[]) {
    await proxy.set(fault);
    if (fault !== "pass") await lost();
    figures.push({
      fault,
      cached: await evaluate(keeping, CACHED_ROUNDS),
      expired: await evaluate(forgetting, EXPIRED_ROUNDS),
    });
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  await proxy.close();
  await keeping.close();
  await forgetting.close();

  async function evaluate(manager: typeof keeping, rounds: number): Promise<Quantiles> {
    const took: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const context of contexts) {
        const start = process.hrtime.bigint();
        await manager.getFlags(context);
        took.push(Number(process.hrtime.bigint() - start) / 1_000);
      }
    }
    return quantiles(took);
  }

  async function lost(): Promise<void> {
    while (forgetting.getStats().storageLost === undefined || keeping.getStats().storageLost === undefined) {
      await keeping.getFlags({ customerId: "cust_0" }, { fresh: true });
      await forgetting.getFlags({ customerId: "cust_0" }, { fresh: true });
    }
  }
} finally {
  await proxy.close();
  await server.end();
}
process.exit();
