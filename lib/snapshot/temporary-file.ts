import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Log } from "../feature-flags/core/types.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SUFFIX = ".tmp";
/** Milliseconds without a write after which a temporary file's writer is taken for dead. */
const ABANDONED_AFTER = 10 * 60_000;

export interface TemporaryFile {
  readonly file: string;
  readonly handle: FileHandle;
}

/** A new file beside `path`, under a name that no other writer has, which only its owner may read. */
export async function createTemporary(path: string): Promise<TemporaryFile> {
  const directory = dirname(path);
  const firstMade = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (firstMade !== undefined) await flushDirectory(dirname(firstMade));
  const file = join(directory, `${basename(path)}.${randomUUID()}${SUFFIX}`);
  return { file, handle: await open(file, "wx", 0o600) };
}

/** Removes what writers left that were killed. Ages are those of the file system's own clock. */
export async function removeAbandoned(path: string, own: TemporaryFile, log: Log): Promise<void> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  const { mtimeMs: now } = await own.handle.stat();
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix) || !name.endsWith(SUFFIX)) continue;
    if (!UUID.test(name.slice(prefix.length, -SUFFIX.length))) continue;
    const file = join(directory, name);
    try {
      if (now - (await stat(file)).mtimeMs > ABANDONED_AFTER) await rm(file);
    } catch (error) {
      // Another writer has removed it, or has finished with it.
      if (error instanceof Error && "code" in error && error.code === "ENOENT") continue;
      log.warn({ file, error }, `${file} was left by a killed process and cannot be removed. Delete it.`);
    }
  }
}

/** Puts names that were made, changed or removed in it on the disk for good. */
export async function flushDirectory(directory: string): Promise<void> {
  // Windows opens no directories, and needs none flushed.
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
