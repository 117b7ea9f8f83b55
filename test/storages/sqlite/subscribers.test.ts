import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { silentLog } from "../../../lib/feature-flags/core/clock.ts";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { type SqliteStorageOptions, sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { recordedLog } from "../../feature-flags/recorded-log.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const WRITING = fileURLToPath(new URL("writing-process.ts", import.meta.url));
const REPORT = { id: "i", pid: 1, version: "1.0.0", epoch: "e", revision: 1, seenAt: 1 };

async function newFile(): Promise<string> {
  return join(await temporaryDirectory(), "strata.db");
}

async function open(options: SqliteStorageOptions): Promise<FlagStorage> {
  const storage = await sqliteStorage(options);
  onTestFinished(() => storage.close());
  return storage;
}

/** Listeners are called in a turn of their own. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a subscriber of SQLite storage", () => {
  it("that throws is reported, and harms neither the write nor the other subscribers", async () => {
    const reported: object[] = [];
    const log = { ...silentLog, error: (facts: object) => void reported.push(facts) };
    const storage = await open({ file: await newFile(), log });
    let told = 0;
    const failure = new Error("not my day");
    storage.subscribe?.(() => {
      throw failure;
    });
    storage.subscribe?.(() => {
      told += 1;
    });
    expect(await storage.saveCustomerFlags("c", { a: 1 })).toMatchObject({ revision: 1 });
    expect(await storage.saveCustomerFlags("c", { a: 1 })).toMatchObject({ revision: undefined });
    await turn();
    expect([told, reported]).toEqual([1, [{ error: failure }]]);
  });

  it("is told at the first look, and then of commits alone, whoever made them", async () => {
    const file = await newFile();
    const clock = manualClock();
    const storage = await open({ file, clock });
    const other = await open({ file });
    let told = 0;
    storage.subscribe?.(() => {
      told += 1;
    });
    const tellings: number[] = [];
    const look = async () => {
      await clock.advance(25);
      await turn();
      tellings.push(told);
    };
    await look();
    await look();
    await other.saveCustomerFlags("c", { a: 1 });
    await other.saveCustomerFlags("c", { a: 2 });
    await look();
    await other.saveCustomerFlags("c", { a: 2 });
    await other.reportInstance(REPORT);
    await storage.reportInstance({ ...REPORT, id: "other" });
    await look();
    await storage.saveCustomerFlags("c", { a: 3 });
    await turn();
    tellings.push(told);
    await look();
    expect(tellings).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it("hears of another process", async () => {
    const file = await newFile();
    const storage = await open({ file });
    let told = Promise.withResolvers<void>();
    storage.subscribe?.(() => told.resolve());
    await told.promise;
    told = Promise.withResolvers();
    const child = spawn(process.execPath, [WRITING, file, "c", "1"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "close");
    await told.promise;
    expect((await storage.changesSince(0, 10)).events).toHaveLength(1);
    expect(await ended).toEqual([0, null]);
  });

  it("makes the file be looked at only as long as it stays", async () => {
    const clock = manualClock();
    const asked: string[] = [];
    const storage = await open({ file: await newFile(), clock, onQuery: (sql) => asked.push(sql) });
    asked.length = 0;
    const leave = storage.subscribe?.(() => undefined);
    const leaveToo = storage.subscribe?.(() => undefined);
    await clock.advance(1_000);
    leave?.();
    leave?.();
    expect(clock.timers()).toBe(1);
    leaveToo?.();
    expect(clock.timers()).toBe(0);
    storage.subscribe?.(() => undefined);
    await storage.close();
    storage.subscribe?.(() => undefined);
    expect(clock.timers()).toBe(0);
    expect(asked).toEqual([]);
  });

  it("is told when the file cannot be looked at, which is reported once, and again when it can", async () => {
    const file = await newFile();
    const clock = manualClock();
    const log = recordedLog();
    const storage = await open({ file, clock, log });
    using past = new DatabaseSync(file);
    let told = 0;
    storage.subscribe?.(() => {
      told += 1;
    });
    await clock.advance(100);
    expect(told).toBe(1);
    past.exec("alter table flag_state rename to flag_state_away");
    await clock.advance(1_000);
    expect([told, log.lines.length]).toEqual([2, 1]);
    past.exec("alter table flag_state_away rename to flag_state");
    await clock.advance(1_000);
    expect([told, log.lines.length]).toEqual([3, 1]);
  });
});
