import { afterAll, beforeAll, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import {
  type PostgresPoolLike,
  type PostgresStatement,
  postgresStorage,
} from "../../../lib/storages/postgres/index.ts";
import { openTestDatabase } from "../../postgres-database.ts";

const MINUTE = 60_000;
const START = Date.UTC(2025, 0, 2, 3, 4);
const database = openTestDatabase();
let asked: PostgresStatement | undefined;
let storage: FlagStorage;

beforeAll(async () => {
  storage = await postgresStorage({ pool: noting(), schema: database.schema, feed: "poll" });
  for (let batch = 0; batch < 8; batch += 1) {
    const events = Array.from({ length: 5_000 }, (_, n) => ({
      featureName: `feature_${n % 4}`,
      customerId: `cust_${n}`,
      event: "enabled" as const,
      timestamp: START + batch * 60 * MINUTE + n * 700,
      tier: 1,
    }));
    await storage.recordRolloutEvents(events);
  }
  await database.pool.query(
    `analyze "${database.schema}".rollout_events, "${database.schema}".rollout_counts`,
  );
});
afterAll(async () => {
  await storage.close();
  await database.close();
});

it.each([
  ["an hour", START + 30_000, START + 60 * MINUTE + 30_000],
  ["part of a minute", START + 1, START + 30_000],
  ["whole minutes", START, START + 60 * MINUTE],
])("counting %s reads the events and counts of that time by their primary keys", async (_, since, until) => {
  await storage.countRolloutEvents({ featureName: "feature_1", since, until });
  const { text = "", values = [] } = asked ?? {};
  const { rows } = await database.pool.query(`explain ${text}`, [...values]);
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toMatch(/rollout_counts_pkey/);
  expect(plan.match(/rollout_events_pkey/g)).toHaveLength(2);
  expect(plan).not.toMatch(/Seq Scan/);
  expect(plan).toMatch(/Index Cond: .*feature_name = .* AND \(occurred_at >= .* AND \(occurred_at < /);
});

/** The pool of the database, noting the last statement that was asked. */
function noting(): PostgresPoolLike {
  const { pool } = database;
  return {
    async connect() {
      const client = await pool.connect();
      return {
        query(statement) {
          asked = statement;
          return client.query(statement);
        },
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
        release: (error) => client.release(error),
      };
    },
    end: () => pool.end(),
  };
}
