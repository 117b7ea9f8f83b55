import type { FlagStorage } from "../feature-flags/core/storage.ts";
import { createAdminKey } from "../server/index.ts";

/** A new admin key, stored as its digest; undefined where a key is stored already. */
export async function makeFirstAdminKey(
  storage: Pick<FlagStorage, "addFirstAdminKey">,
  now: number,
): Promise<string | undefined> {
  const { key, record } = await createAdminKey({ name: "first", role: "admin", now });
  return (await storage.addFirstAdminKey(record)) ? key : undefined;
}
