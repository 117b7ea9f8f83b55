import { FeatureFlagManager } from "../lib/feature-flags/index.ts";
import { memoryStorage } from "../lib/storages/memory/index.ts";

/** Heap that 100,000 cached tenants without an override take: ids alone, then with an organization each. */
const TENANTS = 100_000;

function heapNow(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const results: Record<string, number> = {};
for (const organizations of [0, 1_000]) {
  let now = 1_700_000_000_000;
  const clock = { now: () => now, setTimer: () => () => undefined };
  const manager = new FeatureFlagManager({ storage: memoryStorage(), clock, cache: { maxEntries: TENANTS } });
  const contexts = Array.from({ length: TENANTS }, (_, index) => ({
    customerId: `cust_${index}`,
    organizationId: organizations === 0 ? undefined : `org_${index % organizations}`,
  }));
  const before = heapNow();
  for (const context of contexts) {
    now += 1;
    await manager.getFlags(context);
  }
  const name = organizations === 0 ? "customers alone" : "customers of 1,000 organizations";
  results[name] = (heapNow() - before) / TENANTS;
  if (manager.getCacheStats().size !== TENANTS) throw new Error("not every tenant is cached");
  await manager.close();
}
process.stdout.write(`${JSON.stringify({ tenants: TENANTS, bytesPerTenant: results })}\n`);
