import { sql } from "kysely";
import type { AdminKey } from "../../feature-flags/core/storage.ts";
import type { Database, SqlDialectWords, SqlEngine } from "./engine.ts";
import { wholeNumber } from "./rows.ts";

export async function findAdminKey(
  db: Database,
  words: SqlDialectWords,
  id: string,
): Promise<AdminKey | undefined> {
  const row = await db
    .selectFrom("admin_keys as k")
    .select([
      "k.id",
      "k.role",
      "k.name",
      "k.secret_hash",
      words.milliseconds("k.created_at").as("created_at"),
    ])
    .where("k.id", "=", id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { role, name, secret_hash: secretHash } = row;
  return Object.freeze({ id: row.id, role, name, secretHash, createdAt: wholeNumber(row.created_at) });
}

/** Two servers starting at once must not both show somebody the first key. */
export function addFirstAdminKey(engine: SqlEngine, key: AdminKey): Promise<boolean> {
  return engine.transaction(async (trx) => {
    await engine.lockWork(trx, "admin keys");
    const any = await trx
      .selectFrom("admin_keys")
      .select(sql<number>`1`.as("one"))
      .limit(1)
      .executeTakeFirst();
    if (any !== undefined) return false;
    await trx
      .insertInto("admin_keys")
      .values({
        id: key.id,
        role: key.role,
        name: key.name,
        secret_hash: key.secretHash,
        created_at: engine.words.time(key.createdAt),
      })
      .execute();
    return true;
  });
}
