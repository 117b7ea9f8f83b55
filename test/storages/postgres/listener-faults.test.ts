import { randomUUID } from "node:crypto";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import type { PostgresPoolLike } from "../../../lib/storages/postgres/index.ts";
import { clientWithQuery } from "../../processes/client-with-query.ts";
import { startProxy } from "../../processes/faulty-proxy.ts";
import { eventually, type Listening, listens, polls, startListening } from "./listening.ts";

const PROBE_WAIT = 1_500;
const ANSWER_WAIT = 5_000;
const REFUSAL = "do $$ begin raise feature_not_supported; end $$";

/** The pool, with another statement in the place of LISTEN for as long as there is one. */
function listeningWith(pool: pg.Pool, instead: () => string | undefined): PostgresPoolLike {
  return {
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      return clientWithQuery(client, (statement) => {
        const text = statement.text.startsWith("listen") ? instead() : undefined;
        return client.query(text === undefined ? statement : { text });
      });
    },
  };
}

/** Lets the probe run out of time. */
async function missProbe({ clock, waits }: Listening): Promise<void> {
  await eventually("the probe is under way", () => waits.at(-2) === PROBE_WAIT);
  await clock.advance(PROBE_WAIT);
}

function lent({ totalCount, idleCount }: pg.Pool): number {
  return totalCount - idleCount;
}

describe("listening where it does not work", () => {
  it("gives way to polling, says so once and tries again after minutes, behind a pooler that swallows notices", async () => {
    let swallows = true;
    let lender: pg.Pool | undefined;
    const listening = await startListening((pool) => {
      lender = pool;
      // As a pooler in transaction mode: LISTEN is answered, and its notices come to nobody.
      return { listen: { pool: listeningWith(pool, () => (swallows ? "select 'listen'" : undefined)) } };
    });
    const { reader, writer, waits, lines, told } = listening;
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await missProbe(listening);
      await eventually("it waits for minutes", () => waits.at(-1) === 375_000);
      expect([lender && lent(lender), lines.length, told()]).toEqual([0, 1, 0]);
      if (attempt < 3) await listening.passWait();
    }
    expect(lines[0]).toMatchObject({
      level: "warn",
      message: "LISTEN does not work here (a pooler in transaction mode?): changes are polled.",
    });
    await writer.saveCustomerFlags("cust_1", { beta: true });
    expect((await reader.changesSince(0, 10)).events).toHaveLength(1);
    expect([reader.feedMode?.(), told()]).toEqual(["poll", 0]);
    swallows = false;
    await listening.passWait();
    await listens(listening);
    await eventually("it is told", () => told() === 1);
    expect(lines.at(-1)).toMatchObject({ level: "info", message: "Listening for changes again." });
  });

  it("gives way to polling at once where the server refuses LISTEN", async () => {
    const listening = await startListening((pool) => ({
      listen: { pool: listeningWith(pool, () => REFUSAL) },
    }));
    await eventually("it waits for minutes", () => listening.waits.at(-1) === 375_000);
    expect(listening.lines).toMatchObject([
      { level: "warn", facts: { error: { message: "LISTEN is refused.", cause: { code: "0A000" } } } },
    ]);
  });

  it("leaves a pool of one connection to the queries", async () => {
    const listening = await startListening((_, { url }) => {
      const pool = new pg.Pool({ connectionString: url, max: 1 });
      onTestFinished(() => pool.end());
      return { pool };
    });
    const { reader, lines } = listening;
    await eventually("it says so", () => lines.length === 1);
    expect(lines).toMatchObject([
      { facts: { error: { message: expect.stringContaining("one connection") } } },
    ]);
    expect(await reader.readState()).toMatchObject({ revision: 0 });
    expect(reader.feedMode?.()).toBe("poll");
  });

  it("says that a login is refused, and listens once that is corrected", async () => {
    const role = `listener_${randomUUID().slice(0, 8)}`;
    const listening = await startListening((_, { url }) => {
      const address = new URL(url);
      address.username = role;
      address.password = "right";
      return { listen: { url: address.href } };
    });
    const { database, lines, waits } = listening;
    onTestFinished(async () => {
      await database.pool.query(`drop role if exists ${role}`);
    });
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await eventually("it waits for minutes", () => waits.at(-1) === 375_000);
      if (attempt === 1) await database.pool.query(`create role ${role} login password 'wrong'`);
      expect(lines).toMatchObject([{ level: "error", facts: { error: { code: "28P01" } } }]);
      if (attempt === 2) await database.pool.query(`alter role ${role} password 'right'`);
      await listening.passWait();
    }
    await listens(listening);
    expect(lines.at(-1)).toMatchObject({ level: "info" });
    listening.leave();
    while ((await listening.cut()) > 0) await listening.reader.readState();
  });

  it("notices a network that swallows everything, whatever it was about to do, and comes back after it", async () => {
    const { database } = await startListening();
    const proxy = await startProxy(database.url);
    onTestFinished(() => proxy.close());
    const listening = await startListening(() => ({ listen: { url: proxy.url } }));
    const { clock, waits, asked, lines, told } = listening;
    await listens(listening);
    await proxy.set("hang");
    const before = told();
    await clock.advance(15_000);
    expect([waits.at(-1), asked.at(-1)]).toEqual([ANSWER_WAIT, "select 1"]);
    await clock.advance(ANSWER_WAIT);
    await polls(listening);
    expect(waits.at(-1)).toBe(2_000);
    await listening.passWait();
    expect(waits.at(-1)).toBe(ANSWER_WAIT);
    await listening.passWait();
    expect([waits.at(-1), lines.length]).toEqual([4_000, 1]);
    await proxy.set("pass");
    await listening.passWait();
    await listens(listening);
    // Once that notices cease, and once that they come again.
    await eventually("it is told", () => told() === before + 2);
  });

  it("gives back a connection that comes when nobody waits for it any more", async () => {
    const held = Promise.withResolvers<void>();
    let lender: pg.Pool | undefined;
    const listening = await startListening((pool) => {
      lender = pool;
      const connect = async () => {
        await held.promise;
        return pool.connect();
      };
      return { listen: { pool: { connect, end: () => pool.end() } } };
    });
    await listening.clock.advance(ANSWER_WAIT);
    expect(listening.lines).toMatchObject([{ level: "warn", message: expect.stringContaining("is lost") }]);
    listening.leave();
    expect(lender?.totalCount).toBe(1);
    held.resolve();
    // It is closed: what may have begun to listen is not lent again.
    await eventually("the connection is gone", () => lender?.totalCount === 0);
    expect(listening.clock.timers()).toBe(0);
  });
});
