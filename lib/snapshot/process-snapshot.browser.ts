import { FlagError } from "../feature-flags/core/errors.ts";
import type { SnapshotStore } from "../feature-flags/core/snapshot.ts";
import type { Log } from "../feature-flags/core/types.ts";

/** A browser has no files: throws STORAGE_UNAVAILABLE. */
export function openSnapshotFile(path: string, _log: Log): SnapshotStore {
  throw new FlagError(
    "STORAGE_UNAVAILABLE",
    `The snapshot ${path} is a file, and files need Node. Leave "snapshot" out here, or give a SnapshotStore.`,
  );
}
