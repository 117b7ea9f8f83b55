import { type ChatWidgetFeatureFlags, chatWidgetFlags } from "../../chat-widget/default-config.ts";
import { FlagCache } from "./cache.ts";
import { silentLog, systemClock } from "./clock.ts";
import { StorageConnection } from "./connection.ts";
import { environmentName, processSettings } from "./environment.ts";
import { OnceLog } from "./once-log.ts";
import type { SnapshotStore } from "./snapshot.ts";
import type { FlagStorage } from "./storage.ts";
import type { FlagEvaluation, Log } from "./types.ts";

/** Opens the storage that the process's settings name: the one place of the core where a storage is wired. */
export async function openProcessStorage(): Promise<FlagStorage> {
  const wiring = await import("#process-storage");
  return await wiring.openProcessStorage(processSettings());
}

/** Opens the file that keeps the last good state, where there are files. */
export async function openProcessSnapshot(path: string, log: Log): Promise<SnapshotStore> {
  const wiring = await import("#snapshot-file");
  return wiring.openSnapshotFile(path, log);
}

/** What is used where nothing else is configured: the chat widget's flags on the process's storage. */
export function processDefaults(ttl?: number) {
  return {
    definition: chatWidgetFlags,
    environment: environmentName(),
    connection: new StorageConnection(openProcessStorage),
    cache: new FlagCache<FlagEvaluation<ChatWidgetFeatureFlags>>({ ttl }),
    clock: systemClock,
    log: new OnceLog(silentLog, systemClock),
  };
}
