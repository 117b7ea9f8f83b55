import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { eventually, listenStatement, listens, polls, startListening } from "./listening.ts";

const SUBSCRIBING = fileURLToPath(new URL("subscribing-process.ts", import.meta.url));
const RECONNECT = /is lost|Listening for changes again/;

describe("listening for commits", () => {
  it("tells of another connection's commit, and once when it begins to listen", async () => {
    const listening = await startListening();
    const { writer, reader, told, lines } = listening;
    expect(reader.feedMode?.()).toBe("poll");
    await listens(listening);
    await eventually("it is told", () => told() === 1);
    await writer.saveCustomerFlags("cust_1", { beta: true });
    await eventually("it is told again", () => told() === 2);
    expect((await reader.changesSince(0, 10)).events).toEqual([
      { revision: 1, scope: "customer", id: "cust_1" },
    ]);
    expect(lines).toEqual([]);
  });

  it("misses no revision though its connection is killed 100 times while another one writes", async () => {
    const listening = await startListening();
    const { writer, reader, told, lines } = listening;
    const seen: number[] = [];
    /** As the feed's follower does whenever it is told. */
    const catchUp = async () => {
      const { events } = await reader.changesSince(seen.at(-1) ?? 0, 1_000);
      seen.push(...events.map(({ revision }) => revision));
    };
    await listens(listening);
    let writing = true;
    const written = (async () => {
      let last = 0;
      while (writing) last = (await writer.saveCustomerFlags("cust_1", { n: last + 1 })).revision ?? last;
      return last;
    })();
    for (let round = 1; round <= 100; round += 1) {
      expect(await listening.cut()).toBe(1);
      await polls(listening);
      const before = told();
      await listening.passWait();
      await listens(listening);
      await eventually("it is told of what it may have missed", () => told() > before);
      await catchUp();
    }
    writing = false;
    const last = await written;
    // Nothing polls here: from the last commit on, a notice is all there is.
    while (seen.at(-1) !== last) {
      const before = told();
      await catchUp();
      if (seen.at(-1) !== last) await eventually("it is told", () => told() > before);
    }
    expect(seen).toEqual(Array.from({ length: last }, (_, n) => n + 1));
    expect(last).toBeGreaterThan(100);
    expect(lines.map(({ message }) => RECONNECT.test(message))).toEqual(Array(200).fill(true));
  });

  it("comes back after 1 to 30 seconds, each time later, and soon again after a healthy minute", async () => {
    let isAway = false;
    const listening = await startListening((pool) => ({
      listen: {
        pool: {
          connect: () => (isAway ? Promise.reject(new Error("connect ECONNREFUSED")) : pool.connect()),
          end: () => pool.end(),
        },
      },
    }));
    const { clock, waits, lines } = listening;
    const attempts = async (count: number) => {
      const delays: number[] = [];
      for (let n = 0; n < count; n += 1) {
        const before = waits.length;
        await listening.passWait();
        // One timer bounds the attempt, the next one is the wait after it.
        await eventually("the attempt failed", () => waits.length === before + 2);
        delays.push(waits.at(-1) ?? 0);
      }
      return delays;
    };
    await listens(listening);
    isAway = true;
    await listening.cut();
    await polls(listening);
    expect([waits.at(-1), ...(await attempts(6))]).toEqual([2, 4, 8, 16, 30, 30, 30].map((s) => s * 1_000));
    isAway = false;
    await listening.passWait();
    await listens(listening);
    for (let health = 0; health < 4; health += 1) {
      const before = waits.length;
      await clock.advance(15_000);
      await eventually("the connection has answered", () => waits.length === before + 2);
    }
    await listening.cut();
    await polls(listening);
    expect(waits.at(-1)).toBe(2_000);
    expect(lines.map(({ level }) => level)).toEqual(["warn", "info", "warn"]);
  });

  it("is not done where polling is asked for", async () => {
    const { database } = await startListening();
    const storage = await postgresStorage({ ...database, feed: "poll" });
    expect([storage.subscribe, storage.feedMode?.()]).toEqual([undefined, "poll"]);
    await storage.close();
  });

  it("takes one connection for all subscribers, and gives it back after the last one", async () => {
    const listening = await startListening();
    const { reader, database, leave } = listening;
    const count = async () => {
      const { rows } = await database.pool.query("select pid from pg_stat_activity where query = $1", [
        listenStatement(database),
      ]);
      return rows.length;
    };
    const leaveToo = reader.subscribe?.(() => undefined);
    await listens(listening);
    expect(await count()).toBe(1);
    leave();
    expect(reader.feedMode?.()).toBe("listen");
    leaveToo?.();
    expect(reader.feedMode?.()).toBe("poll");
    while ((await count()) > 0) await reader.readState();
    expect(listening.clock.timers()).toBe(0);
    reader.subscribe?.(() => undefined)();
    await reader.close();
    reader.subscribe?.(() => undefined);
    while ((await count()) > 0) await database.pool.query("select 1");
    expect(listening.clock.timers()).toBe(0);
  });

  it.each(["url", "pool"])("never keeps a process alive: %s", async (how) => {
    const { database } = await startListening();
    const { stdout } = await promisify(execFile)(process.execPath, [
      SUBSCRIBING,
      how,
      database.url,
      database.schema,
    ]);
    expect(stdout).toBe("told\n");
  });
});
