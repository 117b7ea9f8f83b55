import { mkdtemp, open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeImage, mountImage } from "./loop-mount.ts";
import { withPragma } from "./sqlite-pragma.ts";

/** Where a SQLite file finds no more space. */
export interface SmallDisk {
  readonly file: string;
  /** Whether what is open does not notice that there is space again. */
  readonly freedByRestart: boolean;
  /** Leaves no more than about `spare` bytes. */
  fill(spare: number): Promise<void>;
  free(): Promise<void>;
  remove(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;

/** A file system of 24 MiB, which another file fills. */
export async function loopDisk(): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), "strata-disk-"));
  const image = join(directory, "image");
  await makeImage(image, 24);
  const disk = await mountImage(image, join(directory, "disk"));
  const ballast = join(disk.directory, "ballast");
  return {
    file: join(disk.directory, "data", "strata.db"),
    freedByRestart: false,
    async fill(spare) {
      const { bavail, bsize } = await statfs(disk.directory);
      await append(ballast, bavail * bsize - spare);
    },
    free: () => rm(ballast),
    async remove() {
      await disk.unmount();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** For where nothing can be mounted: SQLite is told that the file may take 4 MiB and no more. */
export async function limitedFile(): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), "strata-disk-"));
  const unlimit = withPragma("pragma synchronous = full", `pragma max_page_count = ${(4 * MEBIBYTE) / 4096}`);
  return {
    file: join(directory, "strata.db"),
    freedByRestart: true,
    fill: async () => {},
    free: async () => unlimit(),
    async remove() {
      unlimit();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Appends so many bytes, or as many as there is space for. */
async function append(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "a");
  try {
    const block = Buffer.alloc(4096, 1);
    for (let left = bytes; left > 0; left -= block.length) await handle.write(block);
    await handle.sync();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  } finally {
    await handle.close();
  }
}
