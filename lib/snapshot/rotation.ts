import { rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type GenerationOptions, verifyGeneration } from "./generation.ts";
import { isNewer, type SnapshotHeader } from "./snapshot-header.ts";
import { flushDirectory } from "./temporary-file.ts";

/** Looks at a file that other processes keep replacing before it is taken as it is. */
const MOST_LOOKS = 5;

export function previousOf(path: string): string {
  return `${path}.1`;
}

/**
 * Makes the finished `file` the newest generation, and the newest so far the previous one. False, and nothing is
 * changed, if a later snapshot of the same epoch is there already.
 *
 * Between any two steps one sound generation is in its place: a damaged one never replaces the previous.
 */
export async function place(
  file: string,
  header: SnapshotHeader,
  path: string,
  options: GenerationOptions,
): Promise<boolean> {
  const current = await currentOf(path, options);
  const standing = current ?? (await verifyGeneration(previousOf(path), options));
  if (standing !== undefined && isNewer(standing, header)) return false;
  if (current !== undefined) await renameUnlessGone(path, previousOf(path));
  await rename(file, path);
  await flushDirectory(dirname(path));
  return true;
}

/** Looks again if the file was replaced meanwhile: checking a large one takes longer than another's renaming. */
async function currentOf(path: string, options: GenerationOptions): Promise<SnapshotHeader | undefined> {
  let header: SnapshotHeader | undefined;
  let before = await identityOf(path);
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    header = await verifyGeneration(path, options);
    const after = await identityOf(path);
    if (after === before) break;
    before = after;
  }
  return header;
}

async function identityOf(file: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, ctimeNs } = await stat(file, { bigint: true });
    return `${dev}:${ino}:${size}:${ctimeNs}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function renameUnlessGone(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Another process has just made it the previous one.
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
