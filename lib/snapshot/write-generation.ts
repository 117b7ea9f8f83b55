import { rm } from "node:fs/promises";
import { FlagError } from "../feature-flags/core/errors.ts";
import type { TenantSnapshot } from "../feature-flags/core/snapshot.ts";
import type { GenerationOptions } from "./generation.ts";
import { place } from "./rotation.ts";
import { createSeal } from "./seal.ts";
import { asSnapshotError } from "./snapshot-error.ts";
import { headerLine, headerOf } from "./snapshot-header.ts";
import { rowLines } from "./snapshot-rows.ts";
import { createTemporary, removeAbandoned, type TemporaryFile } from "./temporary-file.ts";

/** Characters: at this size, turning rows into bytes takes about a millisecond. */
const SLICE = 128 * 1024;

/** Makes `snapshot` the newest generation of `path`, unless a later one of its epoch is there. */
export async function writeGeneration(
  path: string,
  snapshot: TenantSnapshot,
  options: GenerationOptions,
): Promise<void> {
  try {
    const header = headerOf(snapshot);
    const temporary = await createTemporary(path);
    let placed = false;
    try {
      try {
        await removeAbandoned(path, temporary, options.log);
        await fill(temporary, snapshot, options);
      } finally {
        await temporary.handle.close();
      }
      placed = await place(temporary.file, header, path, options);
    } finally {
      if (!placed) await rm(temporary.file, { force: true });
    }
  } catch (error) {
    throw asSnapshotError(error, path);
  }
}

/** Writes slice by slice, so that everything else can run in between, and puts it on the disk for good. */
async function fill(
  { handle }: TemporaryFile,
  snapshot: TenantSnapshot,
  { secret, maxBytes }: GenerationOptions,
): Promise<void> {
  const seal = createSeal(secret);
  let written = 0;
  let slice = `${headerLine(headerOf(snapshot))}\n`;

  async function append(bytes: Buffer): Promise<void> {
    written += bytes.length;
    if (written > maxBytes) {
      throw new FlagError(
        "STORAGE_FULL",
        `The snapshot takes more than ${maxBytes} bytes, which reading it would refuse. Raise maxBytes.`,
      );
    }
    await handle.appendFile(bytes);
  }

  async function appendSlice(): Promise<void> {
    const bytes = Buffer.from(slice);
    slice = "";
    seal.update(bytes);
    await append(bytes);
  }

  for (const line of rowLines(snapshot)) {
    slice += `${line}\n`;
    if (slice.length >= SLICE) await appendSlice();
  }
  await appendSlice();
  await append(Buffer.from(`${seal.line()}\n`));
  await handle.sync();
}
