import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { postgresStorage } from "../../lib/storages/postgres/index.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { countedPool } from "./counted-pool.ts";
import { fleetFlags } from "./fleet-flags.ts";

const TTL = 60_000;
/** Less than anything asked of storage may take: what is asked meanwhile is answered in time. */
const STEP = 500;

let database: TestDatabase;
beforeEach(() => {
  // More than may be asked at once: what bounds it is not the pool.
  database = openTestDatabase(undefined, 40);
});
afterEach(() => database.close());

/** A manager whose storage has been found, on a clock that is moved by hand. */
async function openManager() {
  const pool = countedPool(database.pool);
  const clock = manualClock();
  const storage = await postgresStorage({ pool, schema: database.schema });
  const random = () => 0;
  const cache = { ttl: TTL };
  const manager = new FeatureFlagManager({ definition: fleetFlags, storage, clock, random, cache });
  await manager.getFlags({ customerId: "cust_first" });
  pool.sent();
  pool.mostAtOnce();
  const ask = (ids: readonly string[]) =>
    Promise.all(ids.map((customerId) => manager.getFlags({ customerId })));
  const grow = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += STEP) {
      await clock.advance(STEP);
      await pool.idle();
    }
  };
  return { pool, grow, storage, manager, ask };
}

const readsOf = (texts: readonly string[]) => texts.filter((text) => text.includes("customer_feature_flags"));

describe("many questions at once", () => {
  test("5,000 misses for one tenant are one query", async () => {
    const { pool, storage, manager, ask } = await openManager();
    await storage.saveCustomerFlags("cust_hot", { limits: { seats: 42 } });
    pool.sent();
    const answers = await ask(Array.from({ length: 5_000 }, () => "cust_hot"));
    expect(new Set(answers.map(({ config }) => config.limits.seats))).toEqual(new Set([42]));
    expect(readsOf(pool.sent())).toHaveLength(1);
    await manager.close();
    await storage.close();
  });

  test("5,000 tenants that expire in the same second are asked for 16 at a time", async () => {
    const { pool, grow, storage, manager, ask } = await openManager();
    const ids = Array.from({ length: 5_000 }, (_, index) => `cust_${index}`);
    await ask(ids);
    pool.sent();
    pool.mostAtOnce();
    await grow(TTL);
    const answers = await ask(ids);
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(readsOf(pool.sent())).toHaveLength(5_000);
    const most = pool.mostAtOnce();
    expect(most).toBeGreaterThan(8);
    // The polls of the feed do not queue with them.
    expect(most).toBeLessThanOrEqual(16 + 2);
    await manager.close();
    await storage.close();
  });
});
