import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { TenantSnapshot } from "../../lib/feature-flags/core/snapshot.ts";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";
import { EMPTY, linesOf, sampleSnapshot, temporaryDirectory, writeSealed } from "./sample-snapshot.ts";

let path: string;
let log: ReturnType<typeof recordedLog>;
beforeEach(async () => {
  path = join(await temporaryDirectory(), "state", "flags.snapshot");
  log = recordedLog();
});

const messages = () => log.lines.map(({ message }) => message);
const modeOf = async (file: string) => (await stat(file)).mode & 0o777;

describe("a snapshot kept in a file", () => {
  it.each([undefined, "secret"])("is read as it was written, with secret %j", async (secret) => {
    const snapshot = sampleSnapshot(7, { customers: 3_000 });
    await fileSnapshot(path, { secret }).write(snapshot);
    expect(await fileSnapshot(path, { secret, log }).read()).toEqual(snapshot);
    expect(log.lines).toEqual([]);
  });

  it("is read as it was written whatever JSON the flags are", async () => {
    const keys: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":[],"":{"\\n":"\\ud800\\u0000"}}');
    const all: unknown[] = [null, true, "text\n", 0.1, -1e300, [[], {}], keys, { toJSON: "x" }];
    const overrides = all.map((flags, index) => ({
      ...{ tenant: { kind: "customer", id: `c${index}` } as const, flags },
      ...{ version: 1, revision: 1, updatedAt: -1, updatedBy: index > 3 ? "" : undefined },
    }));
    await fileSnapshot(path).write({ ...EMPTY, overrides });
    const read = await fileSnapshot(path).read();
    expect(read?.overrides).toEqual(overrides);
    expect(JSON.stringify(read?.overrides[6]?.flags)).toBe(JSON.stringify(keys));
  });

  it("cannot be changed by who is given it", async () => {
    await fileSnapshot(path).write(sampleSnapshot(1));
    const read = await fileSnapshot(path).read();
    const parts = [read, read?.overrides, read?.overrides[0], read?.overrides[0]?.tenant];
    expect(
      [...parts, read?.memberships, read?.memberships[0]].filter((part) => !Object.isFrozen(part)),
    ).toEqual([]);
  });

  it("is none where nothing was written, which is no fault", async () => {
    expect(await fileSnapshot(path, { log }).read()).toBeUndefined();
    expect(log.lines).toEqual([]);
  });

  it("may be empty where it says so, and is none where the file is", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(EMPTY);
    expect(await store.read()).toEqual(EMPTY);
    await truncate(path, 0);
    expect(await store.read()).toBeUndefined();
    expect(messages()).toEqual([expect.stringContaining("It is empty")]);
  });

  it("is its owner's alone, in a directory that is too", async () => {
    const store = fileSnapshot(path);
    await store.write(sampleSnapshot(1));
    await store.write(sampleSnapshot(2));
    expect([await modeOf(path), await modeOf(`${path}.1`), await modeOf(dirname(path))]).toEqual([
      0o600, 0o600, 0o700,
    ]);
  });

  it("keeps the one before, and nothing else", async () => {
    const store = fileSnapshot(path);
    for (const revision of [1, 2, 3]) await store.write(sampleSnapshot(revision));
    expect(await readdir(dirname(path))).toEqual(["flags.snapshot", "flags.snapshot.1"]);
    expect(await fileSnapshot(`${path}.1`).read()).toEqual(sampleSnapshot(2));
  });

  it("is found again after the process has changed its directory", async () => {
    const store = fileSnapshot("flags.snapshot");
    const before = process.cwd();
    await mkdir(dirname(path));
    process.chdir(dirname(path));
    try {
      expect(await store.read()).toBeUndefined();
      await fileSnapshot("flags.snapshot").write(sampleSnapshot(1));
    } finally {
      process.chdir(before);
    }
    expect(await fileSnapshot(path).read()).toEqual(sampleSnapshot(1));
    expect(await store.read()).toBeUndefined();
  });

  it("names who may read it besides its owner", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(sampleSnapshot(1));
    await chmod(path, 0o640);
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(log.lines).toMatchObject([{ level: "warn", facts: { file: path, mode: "0640" } }]);
  });

  it("lets everything else run while it is written and read", async () => {
    const snapshot = sampleSnapshot(1, { customers: 10_000 });
    const store = fileSnapshot(path);
    const turnsDuring = async (work: Promise<unknown>) => {
      let turns = 0;
      let next = setImmediate(function count() {
        turns += 1;
        next = setImmediate(count);
      });
      await work;
      clearImmediate(next);
      return turns;
    };
    // 1.7 MB: slices of at most 128 Ki characters in writing, of 256 KiB in reading.
    expect(await turnsDuring(store.write(snapshot))).toBeGreaterThan(13);
    expect(await turnsDuring(store.read())).toBeGreaterThan(7);
  });
});

describe("writing", () => {
  it("goes one after the other, and no older revision replaces a newer one", async () => {
    const store = fileSnapshot(path, { log });
    await Promise.all([1, 5, 3, 9, 2, 9, 4].map((revision) => store.write(sampleSnapshot(revision))));
    expect(await store.read()).toEqual(sampleSnapshot(9));
    await fileSnapshot(path).write(sampleSnapshot(8));
    expect(await store.read()).toEqual(sampleSnapshot(9));
    expect(await readdir(dirname(path))).toEqual(["flags.snapshot", "flags.snapshot.1"]);
    expect(log.lines).toEqual([]);
  });

  it("knows a newer revision by the previous generation too, where the newest is gone or damaged", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(sampleSnapshot(8));
    await store.write(sampleSnapshot(9));
    await truncate(path, 100);
    await store.write(sampleSnapshot(7));
    expect(await store.read()).toEqual(sampleSnapshot(8));
  });

  it("replaces a newer revision of another epoch: the database was restored", async () => {
    const store = fileSnapshot(path);
    await store.write(sampleSnapshot(9));
    await store.write(sampleSnapshot(2, { epoch: "restored" }));
    expect(await store.read()).toEqual(sampleSnapshot(2, { epoch: "restored" }));
  });

  it("does not push the last sound generation out with a damaged one", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(sampleSnapshot(1));
    await store.write(sampleSnapshot(2));
    await writeFile(path, "damaged\n");
    await store.write(sampleSnapshot(3));
    expect(await store.read()).toEqual(sampleSnapshot(3));
    expect(await fileSnapshot(`${path}.1`).read()).toEqual(sampleSnapshot(1));
  });

  it("goes on after a write that failed", async () => {
    const store = fileSnapshot(path);
    const failing = store.write({ ...sampleSnapshot(1), revision: -1 });
    const next = store.write(sampleSnapshot(2));
    await expect(failing).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
    await next;
    expect(await store.read()).toEqual(sampleSnapshot(2));
  });

  it("removes what a killed writer left, once it is old", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(sampleSnapshot(1));
    const uuid = "0ec3fe16-5b0e-4a43-9b55-3c7a3a0a0f00";
    const [left, fresh] = [`${path}.${uuid}.tmp`, `${path}.${uuid.replace("0", "1")}.tmp`];
    const foreign = ["other.tmp", `other.${uuid}.tmp`, "flags.snapshot.backup.tmp"];
    const files = [left, fresh, ...foreign.map((name) => join(dirname(path), name))];
    for (const file of files) await writeFile(file, "");
    const anHourAgo = Date.now() / 1000 - 3600;
    for (const file of files) if (file !== fresh) await utimes(file, anHourAgo, anHourAgo);
    await store.write(sampleSnapshot(2));
    const names = await readdir(dirname(path));
    expect(names.map((name) => join(dirname(path), name))).not.toContain(left);
    expect(names).toHaveLength(2 + files.length - 1);
    expect(log.lines).toEqual([]);
  });

  const [first] = sampleSnapshot(1).overrides;
  if (first === undefined) throw new Error("The sample has no overrides.");
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const deep: unknown = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  it.each<[string, Partial<TenantSnapshot>]>([
    ["an empty epoch", { epoch: "" }],
    ["half a revision", { revision: 1.5 }],
    ["a time that never is", { takenAt: Number.NaN }],
    ["a tenant twice", { overrides: [first, first] }],
    [
      "a customer of two organizations",
      {
        memberships: [
          ["c", "o1"],
          ["c", "o2"],
        ],
      },
    ],
    ["an id with a line break", { overrides: [{ ...first, tenant: { kind: "customer", id: "a\nb" } }] }],
    ["an organization without an id", { memberships: [["c", ""]] }],
    ["a negative version", { overrides: [{ ...first, version: -1 }] }],
    ["flags that are not there", { overrides: [{ ...first, flags: undefined }] }],
    ["infinite flags", { overrides: [{ ...first, flags: { a: [Number.POSITIVE_INFINITY] } }] }],
    ["flags with a date", { overrides: [{ ...first, flags: { a: new Date(0) } }] }],
    ["flags within themselves", { overrides: [{ ...first, flags: circle }] }],
    ["flags of endless depth", { overrides: [{ ...first, flags: deep }] }],
    ["a bigint", { overrides: [{ ...first, flags: 1n }] }],
    ["flags without end", { overrides: [{ ...first, flags: "x".repeat(2 ** 21) }] }],
  ])("refuses %s, which could not be read again, and keeps what is there", async (_, flaw) => {
    const store = fileSnapshot(path);
    await store.write(sampleSnapshot(1));
    await expect(store.write({ ...sampleSnapshot(2), ...flaw })).rejects.toMatchObject({
      name: "FlagError",
      code: "STORAGE_CORRUPT",
    });
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(await readdir(dirname(path))).toEqual(["flags.snapshot"]);
  });

  it("refuses more bytes than reading would take", async () => {
    const { length } = JSON.stringify(sampleSnapshot(1));
    const store = fileSnapshot(path, { maxBytes: length });
    await store.write(sampleSnapshot(1));
    await expect(store.write(sampleSnapshot(2, { customers: 40 }))).rejects.toMatchObject({
      code: "STORAGE_FULL",
      message: expect.stringContaining("maxBytes"),
    });
    expect(await store.read()).toEqual(sampleSnapshot(1));
  });
});

describe("a file that is not to be trusted", () => {
  it.each([
    ["sealed with another secret", "one", "another", "another secret"],
    ["sealed, where no secret is known", "one", undefined, "none is given"],
    ["not sealed, where a secret is known", undefined, "one", "one is given"],
  ])("is ignored when %s", async (_, written, read, why) => {
    await fileSnapshot(path, { secret: written }).write(sampleSnapshot(1));
    expect(await fileSnapshot(path, { secret: read, log }).read()).toBeUndefined();
    expect(log.lines).toMatchObject([
      { level: "warn", facts: { file: path, error: { code: "STORAGE_CORRUPT" } } },
    ]);
    expect(messages()[0]).toContain(why);
  });

  it("is ignored by its size alone, before anything of it is read", async () => {
    const store = fileSnapshot(path, { log, maxBytes: 100_000 });
    await store.write(sampleSnapshot(1));
    await store.write(sampleSnapshot(2));
    // A header that would be refused for itself, had it been looked at.
    await writeFile(path, "no header\n", { mode: 0o600 });
    await truncate(path, 2 ** 40);
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(messages()).toEqual([expect.stringContaining(`${2 ** 40} bytes; at most 100000`)]);
  });

  it("is ignored with its own word where a later version wrote it", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(sampleSnapshot(1));
    await store.write(sampleSnapshot(2));
    const [header = "", ...rows] = await linesOf(path);
    await writeSealed(path, [header.replace('"format":1', '"format":2,"new":[]'), "{}", ...rows]);
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(log.lines).toMatchObject([{ facts: { error: { code: "SCHEMA_TOO_NEW" } } }]);
    expect(messages()[0]).toContain("newer version");
  });

  it("is ignored where it is no file, without waiting for it", async () => {
    await mkdir(path, { recursive: true });
    execFileSync("mkfifo", [`${path}.1`]);
    expect(await fileSnapshot(path, { log }).read()).toBeUndefined();
    expect(messages()).toEqual([
      expect.stringContaining("It is not a file"),
      expect.stringContaining("It is not a file"),
    ]);
  });

  it("says nothing of what it holds in the log", async () => {
    await fileSnapshot(path).write(sampleSnapshot(1));
    await writeFile(path, (await readFile(path, "utf8")).replace("ada@", "eve@"));
    await fileSnapshot(path, { log }).read();
    expect(messages().join()).not.toContain("@");
  });
});

describe("the options of a file", () => {
  it.each([
    ["", {}],
    ["flags.snapshot", { secret: "" }],
    ["flags.snapshot", { maxBytes: Number.NaN }],
    ["flags.snapshot", { maxBytes: 0 }],
  ])("are refused at once where they cannot be meant: %j, %j", (file, options) => {
    expect(() => fileSnapshot(file, options)).toThrow(expect.objectContaining({ name: "FlagError" }));
  });
});
