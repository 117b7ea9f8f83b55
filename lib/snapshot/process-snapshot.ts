import type { SnapshotStore } from "../feature-flags/core/snapshot.ts";
import type { Log } from "../feature-flags/core/types.ts";
import { fileSnapshot } from "./file-snapshot.ts";

/** Keeps snapshots in the file `path`. */
export function openSnapshotFile(path: string, log: Log): SnapshotStore {
  return fileSnapshot(path, { log });
}
