import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";

/** Where a process finds its storage: plain data, so that it can be handed to another process. */
export type StorageAddress = { readonly file: string } | { readonly url: string; readonly schema: string };

export interface OpeningOptions {
  readonly migrate?: boolean;
  readonly onQuery?: (sql: string) => void;
}

/** Loads only the engine that is asked for: hundreds of processes start with this. */
export async function openStorage(
  address: StorageAddress,
  options: OpeningOptions = {},
): Promise<FlagStorage> {
  if ("file" in address) {
    const { sqliteStorage } = await import("../../lib/storages/sqlite/index.ts");
    return sqliteStorage({ ...address, ...options });
  }
  const { postgresStorage } = await import("../../lib/storages/postgres/index.ts");
  return postgresStorage({ ...address, ...options });
}
