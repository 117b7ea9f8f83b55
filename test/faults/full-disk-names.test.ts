import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";
import { NO_MOUNT_REASONS, whyNoMount } from "./loop-mount.ts";
import { loopDisk } from "./small-disk.ts";

const MOST_FILES = 100_000;

/** Makes empty files until no more can be made, and then takes some away. Resolves with what gives all back. */
async function useUpFiles(directory: string, left: number): Promise<() => Promise<void>> {
  await mkdir(directory);
  const fileAt = (index: number) => join(directory, String(index));
  let count = 0;
  try {
    for (; count < MOST_FILES; count += 1) await writeFile(fileAt(count), "");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
  for (let index = count - left; index < count; index += 1) await rm(fileAt(index));
  return () => rm(directory, { recursive: true });
}

test("a start on a disk that takes no more files fails with STORAGE_FULL, and works once it does", {
  timeout: 120_000,
}, async () => {
  const reason = await whyNoMount();
  if (reason !== undefined) {
    process.stdout.write(`Disks without room for files were not run: ${reason}.\n`);
    expect(NO_MOUNT_REASONS).toContain(reason);
    return;
  }
  const disk = await loopDisk();
  try {
    const { file } = disk;
    await mkdir(dirname(file));
    const start = async (left: number) => {
      const free = await useUpFiles(join(dirname(dirname(file)), "others"), left);
      await expect(sqliteStorage({ file }), `with ${left} files left`).rejects.toMatchObject({
        code: "STORAGE_FULL",
        message: expect.stringContaining("then start again"),
      });
      await free();
    };
    // The file, its journal or log, and the index of that.
    for (const left of [0, 1, 1]) await start(left);
    const storage = await sqliteStorage({ file });
    await storage.saveCustomerFlags("cust_1", { plan: "gold" });
    await storage.close();
    for (const left of [0, 1]) await start(left);
    const again = await sqliteStorage({ file });
    expect(await again.getCustomerOverride("cust_1")).toMatchObject({ flags: { plan: "gold" }, version: 1 });
    await again.saveCustomerFlags("cust_1", { plan: "team" });
    await again.close();
  } finally {
    await disk.remove();
  }
});
