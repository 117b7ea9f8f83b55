import { execFileSync } from "node:child_process";
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";
import { linesOf, sampleSnapshot, temporaryDirectory, writeSealed } from "./sample-snapshot.ts";

let path: string;
let log: ReturnType<typeof recordedLog>;
beforeEach(async () => {
  path = join(await temporaryDirectory(), "flags.snapshot");
  log = recordedLog();
});

const messages = () => log.lines.map(({ message }) => message);

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
    await writeSealed(path, [header.replace('"format":2', '"format":3,"new":[]'), "{}", ...rows]);
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

  it("is not looked at line by line before its checksum is known to be right", async () => {
    await fileSnapshot(path).write(sampleSnapshot(1));
    const sealed = await readFile(path, "utf8");
    await writeFile(path, sealed.replace('"customer"', '"attacker"'));
    expect(await fileSnapshot(path, { log }).read()).toBeUndefined();
    expect(messages()).toEqual([expect.stringContaining("Its checksum differs")]);
  });

  it("says nothing of what it holds in the log", async () => {
    await fileSnapshot(path).write(sampleSnapshot(1));
    await writeFile(path, (await readFile(path, "utf8")).replace("ada@", "eve@"));
    await fileSnapshot(path, { log }).read();
    expect(messages().join()).not.toContain("@");
  });
});
