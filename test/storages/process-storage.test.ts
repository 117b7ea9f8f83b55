import { mkdtemp, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openProcessStorage as openInBrowser } from "../../lib/storages/process-storage.browser.ts";
import { openProcessStorage } from "../../lib/storages/process-storage.ts";
import { openTestDatabase } from "../postgres-database.ts";

describe("the storage of a process", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), "strata-process-")));
    const before = process.cwd();
    process.chdir(directory);
    onTestFinished(async () => {
      process.chdir(before);
      await rm(directory, { recursive: true });
    });
  });

  it.each([
    [{}, ".strata/strata.db"],
    [{ STRATA_FILE: "" }, ".strata/strata.db"],
    [{ STRATA_FILE: "here.db" }, "here.db"],
    [{ STRATA_FILE: "here.db", DATABASE_URL: "mysql://host/app" }, "here.db"],
  ])("is a SQLite file for %j", async (env, file) => {
    const storage = await openProcessStorage(env);
    expect(storage.kind).toBe("sqlite");
    await storage.close();
    expect((await stat(join(directory, file))).isFile()).toBe(true);
  });

  it.each(["STRATA_DATABASE_URL", "DATABASE_URL"])("is PostgreSQL where %s says so", async (variable) => {
    const { url, close } = openTestDatabase("strata");
    onTestFinished(close);
    const storage = await openProcessStorage({ [variable]: url, STRATA_FILE: "here.db" });
    expect(storage.kind).toBe("postgres");
    await storage.close();
  });

  it("is refused where its own URL is of no kind it knows", async () => {
    await expect(openProcessStorage({ STRATA_DATABASE_URL: "mysql://host/app" })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("STRATA_DATABASE_URL"),
    });
  });

  it("polls, and reads without prepared statements, where a pooler asks for that", async () => {
    const { url, close } = openTestDatabase("strata");
    onTestFinished(close);
    const env = { STRATA_DATABASE_URL: url, STRATA_FEED: "poll", STRATA_PREPARE: "false" };
    const storage = await openProcessStorage(env);
    onTestFinished(() => storage.close());
    expect([storage.subscribe, storage.feedMode?.()]).toEqual([undefined, "poll"]);
    expect((await storage.readTenant({ customerId: "cust_1" })).customer).toBeUndefined();
  });

  it("listens at the database itself where its own URL leads to a pooler", async () => {
    const { url, close } = openTestDatabase("strata");
    onTestFinished(close);
    const away = "postgres://nobody@127.0.0.1:1/nowhere";
    const lines: string[] = [];
    const line = (_: object, message: string) => void lines.push(message);
    const log = { info: line, warn: line, error: line };
    const storage = await openProcessStorage({ STRATA_DATABASE_URL: url, STRATA_LISTEN_URL: away }, { log });
    onTestFinished(() => storage.close());
    storage.subscribe?.(() => undefined);
    await expect.poll(() => lines).toEqual([expect.stringContaining("is lost")]);
    expect(storage.feedMode?.()).toBe("poll");
  });

  it.each([
    ["STRATA_FEED", "push"],
    ["STRATA_PREPARE", "no"],
    ["STRATA_LISTEN_URL", "mysql://host/app"],
  ])("is refused where %s is %j", async (name, value) => {
    const opening = openProcessStorage({ STRATA_DATABASE_URL: "postgres://host/app", [name]: value });
    await expect(opening).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining(name),
    });
  });

  it("is memory in a browser", async () => {
    expect((await openInBrowser({ DATABASE_URL: "postgres://host/app" })).kind).toBe("memory");
  });
});
