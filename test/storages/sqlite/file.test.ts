import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

async function writtenFile(directory: string): Promise<string> {
  const file = join(directory, "strata.db");
  const storage = await sqliteStorage({ file });
  for (let n = 0; n < 50; n += 1) await storage.saveCustomerFlags(`c${n}`, { text: "x".repeat(2_000) });
  await storage.close();
  return file;
}

async function expectRefused(file: string, code: string): Promise<void> {
  const before = await readFile(file);
  for (const migrate of [true, false]) {
    await expect(sqliteStorage({ file, migrate })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(file),
    });
  }
  expect((await readFile(file)).equals(before)).toBe(true);
}

describe("a SQLite file", () => {
  it("is made with its directory, for its owner alone", async () => {
    const directory = join(await temporaryDirectory(), "new", "deep");
    const file = join(directory, "strata.db");
    const storage = await sqliteStorage({ file });
    await storage.saveCustomerFlags("c", { a: 1 });
    const modes = await Promise.all(
      [join(directory, ".."), directory, file].map(async (path) => (await stat(path)).mode & 0o777),
    );
    expect(modes).toEqual([0o700, 0o700, 0o600]);
    await storage.close();
    expect(await readdir(directory)).toEqual(["strata.db"]);
  });

  it("may be there already as long as it is empty", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    await writeFile(file, "");
    const storage = await sqliteStorage({ file });
    expect((await storage.readState()).revision).toBe(0);
    await storage.close();
  });

  it.each([
    ["text", "these are notes, and long enough not to be taken for an empty file; see".repeat(4)],
    ["a few bytes", "SQLite"],
    ["zeros", "\u0000".repeat(8_192)],
  ])("of %s is refused as damaged and left as it is", async (_, content) => {
    const file = join(await temporaryDirectory(), "strata.db");
    await writeFile(file, content);
    await expectRefused(file, "STORAGE_CORRUPT");
  });

  it("cut short is refused as damaged and left as it is", async () => {
    const file = await writtenFile(await temporaryDirectory());
    await truncate(file, 3 * 4_096);
    await expectRefused(file, "STORAGE_CORRUPT");
  });

  it.each([1, 20, -1])(
    "with rubbish in its page %i is refused as damaged and left as it is",
    async (page) => {
      const file = await writtenFile(await temporaryDirectory());
      const bytes = await readFile(file);
      const start = page > 0 ? page * 4_096 : bytes.length + page * 4_096;
      bytes.fill(0xa5, start, start + 4_096);
      await writeFile(file, bytes);
      await expectRefused(file, "STORAGE_CORRUPT");
    },
  );

  it.each(["delete", "wal"])("of another program in %s mode is refused and left as it is", async (mode) => {
    const directory = await temporaryDirectory();
    const file = join(directory, "strata.db");
    {
      using database = new DatabaseSync(file);
      database.exec(
        `pragma journal_mode = ${mode}; create table notes (text); insert into notes values ('mine')`,
      );
    }
    await expectRefused(file, "STORAGE_FOREIGN");
    expect(await readdir(directory)).toEqual(["strata.db"]);
  });

  it("of another program that names itself is refused and left as it is", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    {
      using database = new DatabaseSync(file);
      database.exec("pragma application_id = 77");
    }
    await expectRefused(file, "STORAGE_FOREIGN");
  });

  it("that another program fills between the look and the opening is refused too", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    const opening = sqliteStorage({
      file,
      onQuery(sql) {
        if (sql !== "begin immediate") return;
        using database = new DatabaseSync(file);
        database.exec("create table if not exists notes (text)");
      },
    });
    await expect(opening).rejects.toMatchObject({ code: "STORAGE_FOREIGN" });
    using database = new DatabaseSync(file);
    expect(database.prepare("select name from sqlite_schema").all()).toEqual([{ name: "notes" }]);
  });

  it("whose very first transaction was cut off by a power failure is new", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    await writeFile(file, "\u0000".repeat(4_096));
    const journal = Buffer.alloc(512);
    journal.write("d9d505f920a163d7", "hex");
    journal.writeUInt32BE(512, 20);
    journal.writeUInt32BE(4_096, 24);
    await writeFile(`${file}-journal`, journal);
    const storage = await sqliteStorage({ file });
    expect((await storage.readState()).revision).toBe(0);
    await storage.close();
  });

  it("in a place that is a directory, or below a file, says so", async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, "strata.db"));
    await writeFile(join(directory, "note"), "");
    for (const file of [join(directory, "strata.db"), join(directory, "note", "strata.db")]) {
      await expect(sqliteStorage({ file })).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
        message: expect.stringContaining(file),
        cause: expect.any(Error),
      });
    }
  });

  it.each(["", ":memory:"])("has to be named: %j is refused", async (file) => {
    await expect(sqliteStorage({ file })).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });
});
