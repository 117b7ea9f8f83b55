import { resolve } from "node:path";
import { silentLog } from "../feature-flags/core/clock.ts";
import { FlagError } from "../feature-flags/core/errors.ts";
import type { SnapshotStore, TenantSnapshot } from "../feature-flags/core/snapshot.ts";
import type { Log } from "../feature-flags/core/types.ts";
import { type GenerationOptions, readGeneration } from "./generation.ts";
import { previousOf } from "./rotation.ts";
import { writeGeneration } from "./write-generation.ts";

export interface FileSnapshotOptions {
  /** Seals the file with HMAC-SHA-256, so that only who knows it can have written what is read. */
  readonly secret?: string | undefined;
  /** The largest file that is written or read. 256 MiB unless given. */
  readonly maxBytes?: number | undefined;
  /** Told which file was ignored, and why. */
  readonly log?: Log | undefined;
}

const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Keeps the last known good snapshot in the file `path`, and the one before it in `path.1`; both can be read by
 * their owner alone. Several processes of one host may share a path: the last to write wins, but never an older
 * revision over a newer one of the same epoch that it finds there.
 *
 * `read` resolves with undefined where neither is sound, and never rejects. `write` rejects with STORAGE_FULL,
 * READ_ONLY or STORAGE_UNAVAILABLE for what the file system refuses, and with STORAGE_CORRUPT for a snapshot that
 * holds what could not be read again; the generations there are then as they were.
 *
 * @example
 * const snapshots = fileSnapshot("/var/lib/app/flags.snapshot", { secret: process.env.SNAPSHOT_SECRET });
 * await snapshots.write({ epoch, revision: 7, takenAt: Date.now(), overrides, memberships, rollouts });
 * const lastKnown = await snapshots.read();
 */
export function fileSnapshot(path: string, options: FileSnapshotOptions = {}): SnapshotStore {
  const { secret, maxBytes = MAX_BYTES, log = silentLog } = options;
  if (path === "") throw refused("needs the path of a file");
  if (secret === "") throw refused("has an empty secret: anybody knows that one. Give another, or none");
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) throw refused("needs a whole number as maxBytes");
  const file = resolve(path);
  const reading: GenerationOptions = { secret, maxBytes, log };
  let lastWrite: Promise<void> = Promise.resolve();

  return Object.freeze({
    async read(): Promise<TenantSnapshot | undefined> {
      return (await readGeneration(file, reading)) ?? (await readGeneration(previousOf(file), reading));
    },
    write(snapshot: TenantSnapshot): Promise<void> {
      const begin = () => writeGeneration(file, snapshot, reading);
      // A failed one has been reported to its own caller.
      lastWrite = lastWrite.then(begin, begin);
      return lastWrite;
    },
  });
}

function refused(flaw: string): FlagError {
  return new FlagError("STORAGE_UNAVAILABLE", `A snapshot ${flaw}.`);
}
