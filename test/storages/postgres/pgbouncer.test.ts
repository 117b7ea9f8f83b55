import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../lib/feature-flags/core/clock.ts";
import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { FeedFollower } from "../../../lib/feature-flags/core/feed.ts";
import { OnceLog } from "../../../lib/feature-flags/core/once-log.ts";
import type { Clock, Log } from "../../../lib/feature-flags/core/types.ts";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { report } from "../../faults/fault-report.ts";
import { recordedLog } from "../../feature-flags/recorded-log.ts";
import { startPgBouncer, whyNoPgBouncer } from "../../pgbouncer.ts";
import { openTestDatabase } from "../../postgres-database.ts";
import { eventually } from "./listening.ts";

const WRITES = 500;
const PROBE_WAIT = 1_500;

test("through PgBouncer in transaction mode, notices are found not to come, and polling misses nothing", async () => {
  const reason = await whyNoPgBouncer();
  if (reason !== undefined) {
    process.stdout.write(`PgBouncer was not tried: ${reason}.\n`);
    return;
  }
  const database = openTestDatabase();
  onTestFinished(() => database.close());
  const pooler = await startPgBouncer(database.url);
  onTestFinished(() => pooler.end());
  const pool = new pg.Pool({ connectionString: pooler.url });
  pool.on("error", () => undefined);
  onTestFinished(() => pool.end());

  const waited: number[] = [];
  const clock: Clock = {
    now: systemClock.now,
    setTimer: (run, delay) =>
      systemClock.setTimer(() => {
        waited.push(delay);
        run();
      }, delay),
  };
  const log = recordedLog();
  let noticedAt = 0;
  const timedLog: Log = {
    ...log,
    warn(facts, message) {
      noticedAt = performance.now();
      log.warn(facts, message);
    },
  };
  const options = { pool, schema: database.schema, prepare: false, log: timedLog };
  const storage = await postgresStorage({ ...options, clock });
  onTestFinished(() => storage.close());
  const writer = await postgresStorage(database);
  onTestFinished(() => writer.close());

  const seen: number[] = [];
  const follower = new FeedFollower({
    connection: new StorageConnection(storage),
    clock: systemClock,
    random: Math.random,
    log: new OnceLog(log, systemClock),
    pollEvery: 50,
    async apply(events) {
      seen.push(...events.map(({ revision }) => revision));
    },
    onError: (error) => log.error({ error }, "The follower failed."),
    reset: () => storage.readState(),
  });
  onTestFinished(() => follower.close());
  const start = performance.now();
  follower.start(await storage.readState());
  // Writing goes on while the probe is under way: the pooler's connections have notices to hold back.
  for (let n = 0; n < WRITES / 2; n += 1) await writer.saveCustomerFlags(`cust_${n % 7}`, { n });
  await eventually("it is noticed", () => log.lines.length > 0);
  const noticedAfter = Math.round(noticedAt - start);
  // Through the pooler, too: its connections listen, and are lent to writers.
  for (let n = WRITES / 2; n < WRITES; n += 1) await storage.saveCustomerFlags(`cust_${n % 7}`, { n });
  await eventually("polling has found all", () => seen.at(-1) === WRITES);

  const missed = WRITES - seen.length;
  report("PgBouncer in transaction mode", { noticedAfter, lines: log.lines.length, missed });
  expect(seen).toEqual(Array.from({ length: WRITES }, (_, n) => n + 1));
  expect(log.lines).toMatchObject([
    {
      level: "warn",
      message: "LISTEN does not work here (a pooler in transaction mode?): changes are polled.",
      facts: { error: { message: "A notice sent through the pool did not arrive." } },
    },
  ]);
  // All that it waited for beside the server itself.
  expect(waited).toEqual([PROBE_WAIT]);
  expect(storage.feedMode?.()).toBe("poll");

  const past = await postgresStorage({ ...options, listen: { url: database.url } });
  onTestFinished(() => past.close());
  const told = Promise.withResolvers<void>();
  past.subscribe?.(() => told.resolve());
  await told.promise;
  expect(past.feedMode?.()).toBe("listen");
});
