import type {
  OverridePage,
  StoredOverride,
  TenantOverride,
  TenantRef,
} from "../../feature-flags/core/storage.ts";
import type { Database, SqlDialectWords } from "./engine.ts";
import { type OverrideColumn, overrideOf, type TextRow } from "./rows.ts";
import { listOf, overrideColumns } from "./text-columns.ts";

type Kind = TenantRef["kind"];
type OverrideRow = TextRow<OverrideColumn> & { readonly id: string };

export async function getOverride(
  db: Database,
  words: SqlDialectWords,
  { kind, id }: TenantRef,
): Promise<StoredOverride | undefined> {
  const row = await overrideQuery(db, words, kind).where("t.id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : overrideOf(row);
}

/** Every override by kind and id: customers first. One row more than the page shows whether there is another. */
export async function listOverrides(
  db: Database,
  words: SqlDialectWords,
  page: { after?: TenantRef | undefined; limit: number },
): Promise<OverridePage> {
  const { after, limit } = page;
  const found: TenantOverride[] = [];
  if (after?.kind !== "organization") {
    found.push(...tenantOverrides("customer", await pageOf(db, words, "customer", after?.id, limit + 1)));
  }
  if (found.length <= limit) {
    const from = after?.kind === "organization" ? after.id : undefined;
    const rows = await pageOf(db, words, "organization", from, limit + 1 - found.length);
    found.push(...tenantOverrides("organization", rows));
  }
  const overrides = found.slice(0, limit);
  return { overrides, next: found.length > limit ? overrides.at(-1)?.tenant : undefined };
}

export async function readOverrides(
  db: Database,
  words: SqlDialectWords,
  tenants: readonly TenantRef[],
): Promise<readonly TenantOverride[]> {
  const found: TenantOverride[] = [];
  for (const kind of ["customer", "organization"] as const) {
    const ids = [...new Set(tenants.flatMap((tenant) => (tenant.kind === kind ? [tenant.id] : [])))];
    if (ids.length === 0) continue;
    const rows = await overrideQuery(db, words, kind).where("t.id", "in", listOf(words, ids)).execute();
    found.push(...tenantOverrides(kind, rows));
  }
  return found;
}

/** The overrides of the customers that the directory places in the organization. */
export async function overridesOfCustomers(
  db: Database,
  words: SqlDialectWords,
  organizationId: string,
): Promise<ReadonlyMap<string, StoredOverride>> {
  const rows = await overrideQuery(db, words, "customer")
    .innerJoin("customers as d", "d.id", "t.id")
    .where("d.organization_id", "=", organizationId)
    .execute();
  return new Map(rows.map((row) => [row.id, overrideOf(row)]));
}

function pageOf(
  db: Database,
  words: SqlDialectWords,
  kind: Kind,
  after: string | undefined,
  limit: number,
): Promise<OverrideRow[]> {
  return overrideQuery(db, words, kind)
    .$if(after !== undefined, (query) => query.where("t.id", ">", after ?? ""))
    .orderBy("t.id")
    .limit(limit)
    .execute();
}

/** The two tables as one shape: their id under the same name. */
function overrideQuery(db: Database, words: SqlDialectWords, kind: Kind) {
  const columns = ["flags", "version", "revision", "updated_at", "updated_by"] as const;
  return db
    .selectFrom((query) =>
      kind === "customer"
        ? query
            .selectFrom("customer_feature_flags")
            .select(["customer_id as id", ...columns])
            .as("t")
        : query
            .selectFrom("organization_feature_flags")
            .select(["organization_id as id", ...columns])
            .as("t"),
    )
    .select(["t.id", ...overrideColumns("t", words)]);
}

function tenantOverrides(kind: Kind, rows: readonly OverrideRow[]): TenantOverride[] {
  return rows.map((row) =>
    Object.freeze({ ...overrideOf(row), tenant: Object.freeze({ kind, id: row.id }) }),
  );
}
