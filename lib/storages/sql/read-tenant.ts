import { sql } from "kysely";
import type { StoredOverride, TenantRecord } from "../../feature-flags/core/storage.ts";
import type { TenantContext } from "../../feature-flags/core/types.ts";
import type { Database, SqlDialectWords } from "./engine.ts";
import { type OverrideColumn, overrideOf, type TextRow, wholeNumber } from "./rows.ts";
import { asText } from "./text-columns.ts";

type TenantRow = TextRow<"epoch" | "state_revision" | "state_rollouts" | "directory_organization_id"> &
  TextRow<`customer_${OverrideColumn}` | `organization_${OverrideColumn}`> & {
    readonly has_customer: unknown;
    readonly has_organization: unknown;
  };

export type TenantReader = (db: Database, context: TenantContext) => Promise<TenantRecord>;

// Ids hold no control characters, so nothing else in the query can be taken for one of these.
const CUSTOMER_SLOT = "\u0000customer";
const ORGANIZATION_SLOT = "\u0000organization";

/** One query, compiled once, that always answers with one row: also for unknown ids and without any. */
export function createTenantReader(db: Database, words: SqlDialectWords): TenantReader {
  const query = tenantQuery(db, words);
  return async (on, context) => {
    const customerId = context.customerId ?? null;
    const organizationId = context.organizationId ?? null;
    const parameters = query.parameters.map((slot) =>
      slot === CUSTOMER_SLOT ? customerId : slot === ORGANIZATION_SLOT ? organizationId : slot,
    );
    const { rows } = await on.executeQuery<TenantRow>({ ...query, parameters });
    return recordOf(rows[0], context);
  };
}

function tenantQuery(db: Database, words: SqlDialectWords) {
  const named = sql<string>`coalesce(${ORGANIZATION_SLOT}, ${sql.ref("d.organization_id")})`;
  return db
    .selectFrom(sql<{ one: number }>`(select 1 as one)`.as("base"))
    .leftJoin("flag_state as s", (join) => join.on("s.id", "=", 1))
    .leftJoin("customers as d", (join) => join.on("d.id", "=", CUSTOMER_SLOT))
    .leftJoin("customer_feature_flags as c", (join) => join.on("c.customer_id", "=", CUSTOMER_SLOT))
    .leftJoin("organization_feature_flags as o", (join) => join.on("o.organization_id", "=", named))
    .select([
      asText("s.revision").as("state_revision"),
      asText("s.rollouts").as("state_rollouts"),
      "s.epoch",
      "d.organization_id as directory_organization_id",
      "c.customer_id as has_customer",
      asText("c.flags").as("customer_flags"),
      asText("c.version").as("customer_version"),
      asText("c.revision").as("customer_revision"),
      words.milliseconds("c.updated_at").as("customer_updated_at"),
      "c.updated_by as customer_updated_by",
      "o.organization_id as has_organization",
      asText("o.flags").as("organization_flags"),
      asText("o.version").as("organization_version"),
      asText("o.revision").as("organization_revision"),
      words.milliseconds("o.updated_at").as("organization_updated_at"),
      "o.updated_by as organization_updated_by",
    ])
    .compile();
}

function recordOf(row: TenantRow | undefined, context: TenantContext): TenantRecord {
  return {
    customer: row === undefined ? undefined : customerOverride(row),
    organization: row === undefined ? undefined : organizationOverride(row),
    organizationId: context.organizationId ?? row?.directory_organization_id ?? undefined,
    revision: wholeNumber(row?.state_revision ?? null),
    epoch: row?.epoch ?? "",
    rollouts: wholeNumber(row?.state_rollouts ?? null),
  };
}

function customerOverride(row: TenantRow): StoredOverride | undefined {
  if (row.has_customer === null) return undefined;
  return overrideOf({
    flags: row.customer_flags,
    version: row.customer_version,
    revision: row.customer_revision,
    updated_at: row.customer_updated_at,
    updated_by: row.customer_updated_by,
  });
}

function organizationOverride(row: TenantRow): StoredOverride | undefined {
  if (row.has_organization === null) return undefined;
  return overrideOf({
    flags: row.organization_flags,
    version: row.organization_version,
    revision: row.organization_revision,
    updated_at: row.organization_updated_at,
    updated_by: row.organization_updated_by,
  });
}
