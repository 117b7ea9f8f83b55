import { execFileSync } from "node:child_process";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { sampleSnapshot, temporaryDirectory } from "./sample-snapshot.ts";

const NOBODY = 65_534;
const superuser = process.getuid?.() === 0;

/** Mounts a file system of that many KiB in `directory`; false where the system does not permit it. */
function mountTiny(directory: string, kibibytes: number): boolean {
  if (!superuser || process.platform !== "linux") return false;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kibibytes}k`, "tmpfs", directory], { stdio: "pipe" });
  } catch (error) {
    if (/permi|denied|not permitted|ENOENT/i.test(String(error))) return false;
    throw error;
  }
  onTestFinished(() => {
    execFileSync("umount", [directory]);
  });
  return true;
}

/** Runs `work` as somebody to whom the permissions of root's files apply. */
async function withoutPrivileges(work: () => Promise<void>): Promise<void> {
  if (superuser) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (superuser) process.seteuid?.(0);
  }
}

describe("a write that the file system refuses", () => {
  it("says that a directory is not writable, and leaves what is there", async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, "flags.snapshot");
    const store = fileSnapshot(path);
    await store.write(sampleSnapshot(1));
    await chmod(directory, 0o555);
    await withoutPrivileges(() =>
      expect(store.write(sampleSnapshot(2))).rejects.toMatchObject({
        name: "FlagError",
        code: "READ_ONLY",
        message: expect.stringContaining(path),
        cause: expect.objectContaining({ code: "EACCES" }),
      }),
    );
    await chmod(directory, 0o700);
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(await readdir(directory)).toEqual(["flags.snapshot"]);
    await store.write(sampleSnapshot(3));
    expect(await store.read()).toEqual(sampleSnapshot(3));
  });

  it("says that a disk is full, where one can be had, and leaves what is there", async () => {
    const directory = await temporaryDirectory();
    const full = { code: "STORAGE_FULL", cause: { code: "ENOSPC" } };
    // Where none can be, the size that is permitted stands in for the disk's.
    const mounted = mountTiny(directory, 256);
    const store = fileSnapshot(join(directory, "flags.snapshot"), mounted ? {} : { maxBytes: 256 * 1024 });
    const [first, second] = [1, 2].map((revision) => sampleSnapshot(revision, { customers: 100 }));
    if (first === undefined || second === undefined) throw new Error("There are two.");
    await store.write(first);
    await store.write(second);
    const large = sampleSnapshot(3, { customers: 3_000 });
    await expect(store.write(large)).rejects.toMatchObject(mounted ? full : { code: full.code });
    expect(await store.read()).toEqual(second);
    expect((await readdir(directory)).sort()).toEqual(["flags.snapshot", "flags.snapshot.1"]);
    await store.write(sampleSnapshot(4));
    expect(await store.read()).toEqual(sampleSnapshot(4));
  });

  it("says that there can be no directory", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    const path = join(file, "flags.snapshot");
    await expect(fileSnapshot(path).write(sampleSnapshot(1))).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining(dirname(path)),
    });
    expect(await fileSnapshot(path).read()).toBeUndefined();
  });
});
