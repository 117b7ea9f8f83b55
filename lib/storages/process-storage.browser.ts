import type { FlagStorage } from "../feature-flags/core/storage.ts";
import { memoryStorage } from "./memory/index.ts";

/** A browser has no database of its own: flags live as long as the page. */
export async function openProcessStorage(_env: Record<string, string | undefined>): Promise<FlagStorage> {
  return memoryStorage();
}
