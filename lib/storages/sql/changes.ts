import { type RawBuilder, sql } from "kysely";
import type { ChangeFilter } from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent, TenantContext } from "../../feature-flags/core/types.ts";
import type { Database, SqlDialectWords } from "./engine.ts";
import { changeEventOf } from "./rows.ts";
import { changeColumns } from "./text-columns.ts";

export async function listChanges(
  db: Database,
  words: SqlDialectWords,
  filter: ChangeFilter,
): Promise<readonly FlagChangeEvent[]> {
  const { customerId, organizationId, path, changeId, featureName, before } = filter;
  let query = db.selectFrom("feature_flag_changes as h").select(changeColumns("h", words));
  if (customerId !== undefined) query = query.where("h.customer_id", "=", customerId);
  if (organizationId !== undefined) query = query.where("h.organization_id", "=", organizationId);
  if (path !== undefined) query = query.where("h.flag_path", "=", path);
  if (changeId !== undefined) query = query.where("h.change_id", "=", changeId);
  if (featureName !== undefined) query = query.where("h.feature_name", "=", featureName);
  if (before !== undefined) {
    query = query.where(
      sql<boolean>`(${sql.ref("h.revision")}, ${sql.ref("h.position")}) < (${before.revision}, ${before.position})`,
    );
  }
  const rows = await query
    .orderBy("h.revision", "desc")
    .orderBy("h.position", "desc")
    .limit(filter.limit)
    .execute();
  return rows.map(changeEventOf);
}

/**
 * The newest row of each leaf that touched the tenant's own override. Rows that only say the tenant saw another
 * value are history, but not what an override goes back to.
 */
export async function lastChanges(
  db: Database,
  words: SqlDialectWords,
  context: TenantContext,
): Promise<readonly FlagChangeEvent[]> {
  const customerId = context.customerId ?? null;
  const directory = db.selectFrom("customers").select("organization_id").where("id", "=", customerId);
  const organizationId = sql<string | null>`coalesce(${context.organizationId ?? null}, (${directory}))`;
  const rows = await newestPerPath(db, words, "customer_id", sql`${customerId}`)
    .unionAll(newestPerPath(db, words, "organization_id", organizationId))
    .execute();
  return rows.map(changeEventOf);
}

function newestPerPath(
  db: Database,
  words: SqlDialectWords,
  column: "customer_id" | "organization_id",
  id: RawBuilder<string | null>,
) {
  const place = sql<number>`row_number() over (partition by flag_path order by revision desc, position desc)`;
  return db
    .selectFrom((query) =>
      query
        .selectFrom("feature_flag_changes")
        .selectAll()
        .select(place.as("place"))
        .where(column, "=", id)
        .where("feature_name", "is", null)
        .where("old_override", "is distinct from", (distinct) => distinct.ref("new_override"))
        .as("h"),
    )
    .select(changeColumns("h", words))
    .where("h.place", "=", 1);
}
