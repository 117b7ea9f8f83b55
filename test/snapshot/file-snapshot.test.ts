import { chmod, mkdir, readdir, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { TenantSnapshot } from "../../lib/feature-flags/core/snapshot.ts";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";
import { EMPTY, sampleSnapshot, temporaryDirectory } from "./sample-snapshot.ts";

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
      [...parts, read?.memberships, read?.memberships[0], read?.rollouts, read?.rollouts[0]].filter(
        (part) => !Object.isFrozen(part),
      ),
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

  it("stays where it is when the process changes its directory", async () => {
    const store = fileSnapshot("flags.snapshot", { log });
    const before = process.cwd();
    await mkdir(dirname(path));
    process.chdir(dirname(path));
    try {
      await fileSnapshot("flags.snapshot").write(sampleSnapshot(1));
      expect(await store.read()).toBeUndefined();
    } finally {
      process.chdir(before);
    }
    expect(await fileSnapshot(path).read()).toEqual(sampleSnapshot(1));
    expect(log.lines).toEqual([]);
  });

  it("names who may read it besides its owner", async () => {
    const store = fileSnapshot(path, { log });
    await store.write(sampleSnapshot(1));
    await chmod(path, 0o640);
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(log.lines).toMatchObject([{ level: "warn", facts: { file: path, mode: "0640" } }]);
  });

  it("lets everything else run while it is written and read", async () => {
    const store = fileSnapshot(path);
    const snapshot = sampleSnapshot(1, { customers: 10_000 });
    const written = await mostCallsInOneTurn(vi.spyOn(JSON, "stringify"), () => store.write(snapshot));
    const read = await mostCallsInOneTurn(vi.spyOn(JSON, "parse"), () => store.read());
    // 20,000 lines of 32 bytes and more, in slices of 128 Ki characters and of 256 KiB.
    expect(written).toBeLessThan(4_200);
    expect(read).toBeLessThan(8_400);
  });
});

/** How often `spied` is called, at most, before anything else can run. */
async function mostCallsInOneTurn(
  spied: { readonly mock: { readonly calls: readonly unknown[] }; mockRestore(): void },
  work: () => Promise<unknown>,
): Promise<number> {
  let most = 0;
  let before = 0;
  const look = () => {
    most = Math.max(most, spied.mock.calls.length - before);
    before = spied.mock.calls.length;
  };
  let next = setImmediate(function again() {
    look();
    next = setImmediate(again);
  });
  await work();
  clearImmediate(next);
  look();
  spied.mockRestore();
  return most;
}

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

  it("ends with the snapshot given last, however long the one before takes", async () => {
    const store = fileSnapshot(path);
    const last = sampleSnapshot(1, { epoch: "last", customers: 1 });
    const sizes = { epoch: "first", customers: 2_000 };
    await Promise.all([store.write(sampleSnapshot(1, sizes)), store.write(last)]);
    expect(await store.read()).toEqual(last);
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
  const [rollout] = sampleSnapshot(1).rollouts;
  if (first === undefined || rollout === undefined) throw new Error("The sample has no rows.");
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
    ["a rollout twice", { rollouts: [rollout, rollout] }],
    ["a rollout without a name", { rollouts: [{ ...rollout, featureName: "" }] }],
    ["a rollout with a line break", { rollouts: [{ ...rollout, featureName: "a\nb" }] }],
    ["a rollout that is not there", { rollouts: [{ ...rollout, rollout: undefined }] }],
    ["a rollout with a date", { rollouts: [{ ...rollout, rollout: [new Date(0)] }] }],
    ["a rollout changed at no time", { rollouts: [{ ...rollout, updatedAt: Number.NaN }] }],
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
