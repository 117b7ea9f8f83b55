import { EventEmitter, once } from "node:events";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import type { PostgresPoolLike, PostgresStatement } from "../../../lib/storages/postgres/pool.ts";
import { type ManualClock, manualClock } from "../../../lib/testing/index.ts";
import { recordedLog } from "../../feature-flags/recorded-log.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";

const READER = "strata test reader";
const VOICE = { experimental: { voiceInput: true } };
let writing: TestDatabase;
let reading: pg.Pool;
let opened: FlagStorage[];
beforeEach(() => {
  writing = openTestDatabase();
  reading = new pg.Pool({ connectionString: writing.url, application_name: READER });
  reading.on("error", () => undefined);
  opened = [];
});
afterEach(async () => {
  for (const storage of opened) await storage.close();
  await reading.end();
  await writing.close();
});

async function open(options: Parameters<typeof postgresStorage>[0]): Promise<FlagStorage> {
  const storage = await postgresStorage(options);
  opened.push(storage);
  return storage;
}

/** Notices as they come, one at a time. */
function notices(storage: FlagStorage): { next(): Promise<unknown>; readonly count: () => number } {
  const told = new EventEmitter();
  let count = 0;
  storage.subscribe?.(() => {
    count += 1;
    told.emit("notice");
  });
  return { next: () => once(told, "notice"), count: () => count };
}

describe("listening for commits", () => {
  it("tells of another connection's commit, and once when it begins to listen", async () => {
    const writer = await open({ pool: writing.pool, schema: writing.schema });
    const reader = await open({ pool: reading, schema: writing.schema });
    const told = notices(reader);
    await told.next();
    const notice = told.next();
    await writer.saveCustomerFlags("cust_1", VOICE);
    await notice;
    expect((await reader.changesSince(0, 10)).events).toEqual([
      { revision: 1, scope: "customer", id: "cust_1" },
    ]);
  });

  it("comes back after the server has ended its connections, and misses nothing", async () => {
    const clock = manualClock();
    const log = recordedLog();
    const writer = await open({ pool: writing.pool, schema: writing.schema });
    const reader = await open({ pool: reading, schema: writing.schema, clock, log, random: () => 1 });
    const told = notices(reader);
    await told.next();
    for (let round = 1; round <= 20; round += 1) {
      await writing.pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
        [READER],
      );
      await writer.saveCustomerFlags(`cust_${round}`, VOICE);
      await until(clock, () => told.count() > round);
      const { events } = await reader.changesSince(round - 1, 10);
      expect(events.map(({ id }) => id)).toEqual([`cust_${round}`]);
    }
    const said = log.lines.map(({ message }) => message);
    expect(said.filter((message) => message.includes("is lost"))).not.toEqual([]);
    expect(said.filter((message) => message.includes("Listening for changes again"))).not.toEqual([]);
  });

  it("leaves changes to polling, says so once, and tries again, where a pooler swallows notices", async () => {
    const clock = manualClock();
    const log = recordedLog();
    let swallow = true;
    const pool: PostgresPoolLike = {
      end: () => reading.end(),
      async connect() {
        const client = await reading.connect();
        const query = client.query.bind(client);
        // As a pooler in transaction mode does: the LISTEN reaches some server connection, the notices nobody.
        return Object.assign(client, {
          query: (statement: PostgresStatement) =>
            query(
              swallow && statement.text.startsWith("listen") ? { text: "select 1", values: [] } : statement,
            ),
        });
      },
    };
    const writer = await open({ pool: writing.pool, schema: writing.schema });
    const reader = await open({ pool, schema: writing.schema, clock, log });
    const told = notices(reader);
    const warned = () => log.lines.filter(({ message }) => message.includes("LISTEN does not work here"));
    await until(clock, () => warned().length > 0);
    await clock.advance(600_000);
    await writer.saveCustomerFlags("cust_1", VOICE);
    expect({ lines: log.lines.length, told: told.count() }).toEqual({ lines: 1, told: 0 });
    expect((await reader.changesSince(0, 10)).events).toHaveLength(1);

    swallow = false;
    await until(clock, () => told.count() > 0);
    expect(log.lines.at(-1)?.message).toBe("Listening for changes again.");
  });

  it("is not done where polling is asked for", async () => {
    const storage = await open({ pool: writing.pool, schema: writing.schema, feed: "poll" });
    expect(storage.subscribe).toBeUndefined();
  });

  it("gives its connection back once nobody subscribes any more, and none when a subscriber leaves at once", async () => {
    const storage = await open({ pool: reading, schema: writing.schema });
    const begun = Promise.withResolvers<void>();
    const leave = storage.subscribe?.(() => begun.resolve());
    await begun.promise;
    expect(reading.totalCount - reading.idleCount).toBe(1);
    leave?.();
    expect(reading.totalCount - reading.idleCount).toBe(0);
    storage.subscribe?.(() => undefined)();
    await storage.readState();
    await until(manualClock(), () => reading.totalCount - reading.idleCount === 0);
  });
});

/** Moves the clock on until it is so; the network takes its own time in between. */
async function until(clock: ManualClock, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
