import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why file systems of our own cannot be mounted here. Any other reason is a failure. */
export const NO_MOUNT_REASONS = [
  "loop devices are Linux's",
  "mounting takes root",
  "this system has no loop devices",
  "mkfs.ext4, losetup or mount is missing",
  "this system does not permit mounting",
] as const;

export type NoMountReason = (typeof NO_MOUNT_REASONS)[number];

/** Undefined where file systems can be mounted: it is tried. */
export async function whyNoMount(): Promise<NoMountReason | undefined> {
  if (process.platform !== "linux") return "loop devices are Linux's";
  if (process.getuid?.() !== 0) return "mounting takes root";
  if (!existsSync("/dev/loop-control")) return "this system has no loop devices";
  const directory = await mkdtemp(join(tmpdir(), "strata-mount-"));
  try {
    const image = join(directory, "image");
    await makeImage(image, 4);
    const mounted = await mountImage(image, join(directory, "mounted"));
    await mounted.unmount();
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return "mkfs.ext4, losetup or mount is missing";
    }
    if (/permi|denied|not permitted|failed to set ?up loop|cannot find an unused/i.test(String(error))) {
      return "this system does not permit mounting";
    }
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A file that holds an empty ext4 file system. */
export async function makeImage(image: string, mebibytes: number): Promise<void> {
  await run("truncate", ["--size", `${mebibytes}M`, image]);
  // Nothing is set aside for root, and nothing is left to be written later in the background. Blocks of the size
  // that disks have: for a small image mkfs would choose 1 KiB, where a full disk ends a process that has mapped
  // memory onto a file (SIGBUS), as SQLite has.
  await run("mkfs.ext4", [
    "-q",
    "-b",
    "4096",
    "-m",
    "0",
    "-E",
    "lazy_itable_init=0,lazy_journal_init=0",
    image,
  ]);
}

export interface MountedImage {
  readonly directory: string;
  /** Nothing of it stays behind, the loop device included. */
  unmount(): Promise<void>;
}

const mounted = new Set<string>();
process.once("exit", () => {
  for (const directory of mounted) execFileSync("umount", ["--lazy", directory]);
});

/** Mounts the image. The loop device lets go of it by itself once it is unmounted. */
export async function mountImage(image: string, directory: string): Promise<MountedImage> {
  await mkdir(directory, { recursive: true });
  const device = await attach(image);
  try {
    await run("mount", ["-t", "ext4", device, directory]);
    mounted.add(directory);
  } finally {
    await run("losetup", ["--detach", device]);
  }
  return {
    directory,
    async unmount() {
      mounted.delete(directory);
      try {
        await run("umount", [directory]);
      } catch (error) {
        // Whatever still has a file open there: the mount goes now, the rest once that is closed.
        await run("umount", ["--lazy", directory]);
        throw error;
      }
    },
  };
}

async function attach(image: string): Promise<string> {
  const { stdout } = await run("losetup", ["--find", "--show", image]);
  return stdout.trim();
}
