import { randomUUID } from "node:crypto";
import pg from "pg";
import { onTestFinished } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import type { Clock } from "../../../lib/feature-flags/core/types.ts";
import { notificationChannel } from "../../../lib/storages/postgres/engine.ts";
import { type PostgresStorageOptions, postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { type ManualClock, manualClock } from "../../../lib/testing/index.ts";
import { type LoggedLine, recordedLog } from "../../feature-flags/recorded-log.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";

/** A storage that listens, another one that writes, and what there is to move and to look at. */
export interface Listening {
  readonly database: TestDatabase;
  readonly writer: FlagStorage;
  readonly reader: FlagStorage;
  readonly clock: ManualClock;
  /** How long each timer of the reader was to wait, in the order in which they were set. */
  readonly waits: readonly number[];
  readonly lines: readonly LoggedLine[];
  /** What the reader asked, in order. */
  readonly asked: readonly string[];
  /** How often the reader's first subscriber was told. */
  readonly told: () => number;
  readonly leave: () => void;
  /** Ends the listening connection as an administrator would. Resolves with how many there were. */
  cut(): Promise<number>;
  /** Moves the clock to where the last timer that was set falls due. */
  passWait(): Promise<void>;
}

type ReaderOptions = Partial<PostgresStorageOptions>;

/** @param options What differs, given the reader's own pool. Jitter is at its longest. */
export async function startListening(
  options: (pool: pg.Pool, database: TestDatabase) => ReaderOptions = () => ({}),
): Promise<Listening> {
  const database = openTestDatabase();
  onTestFinished(() => database.close());
  const application = `listening ${randomUUID()}`;
  const pool = new pg.Pool({ connectionString: database.url, application_name: application });
  pool.on("error", () => undefined);
  onTestFinished(() => pool.end());

  const clock = manualClock();
  const waits: number[] = [];
  const counting: Clock = {
    now: clock.now,
    setTimer(run, delay) {
      waits.push(delay);
      return clock.setTimer(run, delay);
    },
  };
  const log = recordedLog();
  const asked: string[] = [];
  let told = 0;

  const writer = await postgresStorage(database);
  onTestFinished(() => writer.close());
  const reader = await postgresStorage({
    ...{ pool, schema: database.schema, clock: counting, log, random: () => 1 },
    onQuery: (sql) => asked.push(sql),
    ...options(pool, database),
  });
  onTestFinished(() => reader.close());
  asked.length = 0;
  const leave = reader.subscribe?.(() => {
    told += 1;
  });
  if (leave === undefined) throw new Error("This storage cannot be subscribed to.");

  return {
    ...{ database, writer, reader, clock, waits, asked, leave },
    lines: log.lines,
    told: () => told,
    async cut() {
      const { rowCount } = await database.pool.query(
        `select pg_terminate_backend(pid, 10000) from pg_stat_activity
         where application_name = $1 and query ~ '^(listen "|select 1$)'
            or application_name = 'strata listener' and query = $2`,
        [application, listenStatement(database)],
      );
      return rowCount ?? 0;
    },
    passWait: () => clock.advance(waits.at(-1) ?? 0),
  };
}

/** What a listening connection has said last, until it is asked whether it is there: other tests listen too. */
export function listenStatement({ schema }: TestDatabase): string {
  return `listen "${notificationChannel(schema)}"`;
}

/** Gives the network and the server their time, and leaves the clock where it is. */
export async function eventually(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`It did not come about that ${what}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function listens({ reader }: Listening): Promise<void> {
  return eventually("notices arrive", () => reader.feedMode?.() === "listen");
}

export function polls({ reader }: Listening): Promise<void> {
  return eventually("changes are polled", () => reader.feedMode?.() === "poll");
}
