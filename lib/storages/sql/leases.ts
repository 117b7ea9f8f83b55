import { sql } from "kysely";
import type { LeaseRequest } from "../../feature-flags/core/storage.ts";
import type { SqlEngine } from "./engine.ts";

/** One statement: of any number that ask at once, one writes the row. */
export function takeLease(engine: SqlEngine, { name, holder, now, until }: LeaseRequest): Promise<boolean> {
  return engine.transaction(async (trx) => {
    const taken = await trx
      .insertInto("flag_leases")
      .values({ name, holder, until })
      .onConflict((conflict) =>
        conflict
          .column("name")
          .doUpdateSet((row) => ({ holder: row.ref("excluded.holder"), until: row.ref("excluded.until") }))
          .where(sql<boolean>`flag_leases.until <= ${now} or flag_leases.holder = excluded.holder`),
      )
      .returning("name")
      .execute();
    return taken.length > 0;
  });
}

export async function releaseLease(engine: SqlEngine, name: string, holder: string): Promise<void> {
  await engine.statement((db) =>
    db.deleteFrom("flag_leases").where("name", "=", name).where("holder", "=", holder),
  );
}
