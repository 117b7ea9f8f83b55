import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FlagError } from "../../feature-flags/core/errors.ts";

/** "STRA": how a SQLite file says that it is one of ours. */
export const APPLICATION_ID = 0x53545241;

const MAGIC = "SQLite format 3\u0000";
const HEADER_BYTES = 100;
const APPLICATION_ID_OFFSET = 68;
const JOURNAL_MAGIC = "d9d505f920a163d7";
const JOURNAL_PAGES_OFFSET = 16;

/**
 * Looks at the file's own bytes, before SQLite opens it: opening alone may already write. Rejects with
 * STORAGE_CORRUPT or STORAGE_FOREIGN for anything but a file of ours; "new" is a missing or empty one.
 */
export async function inspectFile(file: string): Promise<"new" | "ours"> {
  const header = await firstBytes(file, HEADER_BYTES);
  if (header.length === 0 || (await isInterruptedCreation(file, header))) return "new";
  if (header.length < HEADER_BYTES || header.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    throw new FlagError(
      "STORAGE_CORRUPT",
      `${file} is damaged, or not a SQLite database. Restore it from a backup, or name another file. It is left as it is.`,
    );
  }
  if (header.readUInt32BE(APPLICATION_ID_OFFSET) !== APPLICATION_ID) throw foreignFile(file);
  return "ours";
}

export function foreignFile(file: string): FlagError {
  return new FlagError(
    "STORAGE_FOREIGN",
    `${file} is the SQLite database of another program. Name another file. It is left as it is.`,
  );
}

/** An empty file that only its owner may read, in a directory of the same kind, both on the disk for good. */
export async function createFile(file: string): Promise<void> {
  const directory = dirname(file);
  const firstMade = await mkdir(directory, { recursive: true, mode: 0o700 });
  const handle = await open(file, "a", 0o600);
  await handle.close();
  await flushDirectory(directory);
  if (firstMade !== undefined) await flushDirectory(dirname(firstMade));
}

/** How many bytes the file holds. */
export async function fileSize(file: string): Promise<number> {
  return (await stat(file)).size;
}

/** A crash in the very first transaction leaves a journal that takes the file back to nothing. */
async function isInterruptedCreation(file: string, header: Buffer): Promise<boolean> {
  if (header.some((byte) => byte !== 0)) return false;
  const journal = await firstBytes(`${file}-journal`, JOURNAL_PAGES_OFFSET + 4);
  return (
    journal.length === JOURNAL_PAGES_OFFSET + 4 &&
    journal.toString("hex", 0, 8) === JOURNAL_MAGIC &&
    journal.readUInt32BE(JOURNAL_PAGES_OFFSET) === 0
  );
}

async function firstBytes(file: string, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count);
  try {
    const handle = await open(file, "r");
    try {
      const { bytesRead } = await handle.read(bytes, 0, count, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return bytes.subarray(0, 0);
    throw error;
  }
}

async function flushDirectory(directory: string): Promise<void> {
  // Windows opens no directories, and needs none flushed.
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
