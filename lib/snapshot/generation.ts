import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import type { TenantSnapshot } from "../feature-flags/core/snapshot.ts";
import type { Log } from "../feature-flags/core/types.ts";
import { createSeal, MAX_SEAL } from "./seal.ts";
import { parseHeader, type SnapshotHeader, unsound } from "./snapshot-header.ts";
import { createRowReader, MAX_LINE } from "./snapshot-rows.ts";

export interface GenerationOptions {
  readonly secret: string | undefined;
  readonly maxBytes: number;
  readonly log: Log;
}

/** A file found whole so far: its first and its last line are what they must be. */
interface OpenedGeneration {
  readonly handle: FileHandle;
  readonly header: SnapshotHeader;
  /** Bytes before the seal, the header among them. */
  readonly bodyBytes: number;
  /** The last line, still to be checked. */
  readonly seal: string;
}

const NEW_LINE = 0x0a;
/** Hashing so much takes about a millisecond. */
const HASHED_AT_ONCE = 1024 * 1024;
/** Parsing so much takes a few. */
const PARSED_AT_ONCE = 256 * 1024;
/** Room for the longest epoch, whatever it is written in. */
const MAX_HEADER_BYTES = 4096;
const OTHERS_MAY = 0o077;

/** What the file holds; undefined, and the log says why, where it is not sound. A missing one is just undefined. */
export function readGeneration(
  file: string,
  options: GenerationOptions,
): Promise<TenantSnapshot | undefined> {
  return withGeneration(file, options, async (generation) => {
    // Nothing of it is looked at more closely before its checksum is known to be right.
    await checkSeal(generation, options);
    return await readRows(generation, options);
  });
}

/** What the file's header says, once its checksum has shown that all of it is there; else as above. */
export function verifyGeneration(
  file: string,
  options: GenerationOptions,
): Promise<SnapshotHeader | undefined> {
  return withGeneration(file, options, async (generation) => {
    await checkSeal(generation, options);
    return generation.header;
  });
}

async function withGeneration<T>(
  file: string,
  options: GenerationOptions,
  use: (generation: OpenedGeneration) => Promise<T>,
): Promise<T | undefined> {
  try {
    // Without O_NONBLOCK, opening a pipe that somebody put there would wait for a writer.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      return await use(await inspect(handle, file, options));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    const why = error instanceof Error ? error.message : String(error);
    options.log.warn({ file, error }, `The snapshot ${file} is ignored: ${why}`);
    return undefined;
  }
}

async function inspect(
  handle: FileHandle,
  file: string,
  { maxBytes, log }: GenerationOptions,
): Promise<OpenedGeneration> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw unsound("It is not a file.");
  if (stat.size > maxBytes) throw unsound(`It has ${stat.size} bytes; at most ${maxBytes} are read.`);
  if (stat.size === 0) throw unsound("It is empty, which is not what a complete snapshot of nothing is.");
  if (process.platform !== "win32" && (stat.mode & OTHERS_MAY) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    log.warn({ file, mode }, `The snapshot ${file} is open to other users (mode ${mode}): chmod 600 it.`);
  }

  const head = await readBytes(handle, 0, Math.min(MAX_HEADER_BYTES, stat.size));
  const headEnd = head.indexOf(NEW_LINE);
  if (headEnd < 0) throw unsound("Its header is cut off.");
  const header = parseHeader(head.toString("utf8", 0, headEnd));

  const tailFrom = Math.max(0, stat.size - MAX_SEAL);
  const tail = await readBytes(handle, tailFrom, stat.size - tailFrom);
  const last = tail.length - 1;
  const sealFrom = tail.subarray(0, last).lastIndexOf(NEW_LINE) + 1;
  if (tail[last] !== NEW_LINE || sealFrom === 0) throw unsound("Its end is missing: it was cut off.");
  return { handle, header, bodyBytes: tailFrom + sealFrom, seal: tail.toString("utf8", sealFrom, last) };
}

async function checkSeal(generation: OpenedGeneration, { secret }: GenerationOptions): Promise<void> {
  const seal = createSeal(secret);
  await eachChunk(generation, HASHED_AT_ONCE, (chunk) => seal.update(chunk));
  seal.check(generation.seal);
}

async function readRows(
  generation: OpenedGeneration,
  { secret }: GenerationOptions,
): Promise<TenantSnapshot> {
  const { epoch, revision, takenAt, ...counts } = generation.header;
  const rows = createRowReader(counts);
  const decoder = new StringDecoder("utf8");
  const seal = createSeal(secret);
  let rest = "";
  let headerPassed = false;
  await eachChunk(generation, PARSED_AT_ONCE, (chunk) => {
    seal.update(chunk);
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw unsound(`It has a line of more than ${MAX_LINE} characters.`);
    for (const line of lines) {
      if (headerPassed) rows.take(line);
      headerPassed = true;
    }
  });
  // What was read just now is what must be sound: the file may have been changed since the first look.
  seal.check(generation.seal);
  return Object.freeze({ epoch, revision, takenAt, ...rows.finish() });
}

/** Hands over the bytes before the seal in slices, and lets everything else run in between. */
async function eachChunk(
  { handle, bodyBytes }: OpenedGeneration,
  size: number,
  use: (chunk: Buffer) => void,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(size, bodyBytes));
  for (let at = 0; at < bodyBytes; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bodyBytes - at), at);
    if (bytesRead === 0) throw unsound("It was cut off while it was read.");
    const chunk = buffer.subarray(0, bytesRead);
    use(chunk);
    at += bytesRead;
  }
}

async function readBytes(handle: FileHandle, from: number, count: number): Promise<Buffer> {
  const buffer = Buffer.alloc(count);
  let filled = 0;
  while (filled < count) {
    const { bytesRead } = await handle.read(buffer, filled, count - filled, from + filled);
    if (bytesRead === 0) throw unsound("It was cut off while it was read.");
    filled += bytesRead;
  }
  return buffer;
}
