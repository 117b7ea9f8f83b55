import { type RawBuilder, sql } from "kysely";
import type { CustomerRecord, OrganizationRecord, TenantFilter } from "../../feature-flags/core/storage.ts";
import type { Database, RevisionSteps, SqlDialectWords, SqlEngine, WriteTransaction } from "./engine.ts";
import { attributesOf, type TextRow, wholeNumber } from "./rows.ts";
import { asText, listOf, textTable } from "./text-columns.ts";

type ListFilter = Omit<TenantFilter, "kind">;

/** Rows per statement: few round trips, and no statement so large that it holds the others up. */
const CHUNK = 5_000;
const COLUMNS = ["id", "organization_id", "name", "attributes", "search_id", "search_name"] as const;

export function registerOrganizations(
  engine: SqlEngine,
  records: readonly OrganizationRecord[],
): Promise<void> {
  return register(engine, "organization", records, async (trx, rows) => {
    await trx
      .insertInto("organizations")
      .columns(["id", "name", "attributes", "search_id", "search_name"])
      .expression((query) =>
        query
          .selectFrom(textTable(engine.words, COLUMNS, rows).as("r"))
          .select(["r.id", "r.name", engine.words.json(sql.ref("r.attributes")).as("attributes")])
          .select(["r.search_id", "r.search_name"])
          .where(sql<boolean>`true`)
          .$castTo<{ id: string; attributes: string; search_id: string }>(),
      )
      .onConflict((conflict) =>
        conflict.column("id").doUpdateSet((row) => ({
          name: row.ref("excluded.name"),
          attributes: row.ref("excluded.attributes"),
          search_name: row.ref("excluded.search_name"),
        })),
      )
      .execute();
  });
}

export function registerCustomers(engine: SqlEngine, records: readonly CustomerRecord[]): Promise<void> {
  return register(engine, "customer", records, async (trx, rows) => {
    await trx
      .insertInto("customers")
      .columns(["id", "organization_id", "name", "attributes", "search_id", "search_name"])
      .expression((query) =>
        query
          .selectFrom(textTable(engine.words, COLUMNS, rows).as("r"))
          .select(["r.id", "r.organization_id", "r.name"])
          .select(engine.words.json(sql.ref("r.attributes")).as("attributes"))
          .select(["r.search_id", "r.search_name"])
          .where(sql<boolean>`true`)
          .$castTo<{ id: string; attributes: string; search_id: string }>(),
      )
      .onConflict((conflict) =>
        conflict.column("id").doUpdateSet((row) => ({
          organization_id: row.ref("excluded.organization_id"),
          name: row.ref("excluded.name"),
          attributes: row.ref("excluded.attributes"),
          search_name: row.ref("excluded.search_name"),
        })),
      )
      .execute();
  });
}

export async function listOrganizations(
  db: Database,
  filter: Omit<ListFilter, "organizationId">,
): Promise<readonly OrganizationRecord[]> {
  let query = db
    .selectFrom("organizations as t")
    .select(["t.id", "t.name", asText("t.attributes").as("attributes")]);
  if (filter.text !== undefined) query = query.where(matching(filter.text));
  if (filter.after !== undefined) query = query.where("t.id", ">", filter.after);
  const rows = await query.orderBy("t.id").limit(filter.limit).execute();
  return rows.map((row) => Object.freeze(organizationOf(row)));
}

export async function listCustomers(db: Database, filter: ListFilter): Promise<readonly CustomerRecord[]> {
  let query = customers(db);
  if (filter.organizationId !== undefined)
    query = query.where("t.organization_id", "=", filter.organizationId);
  if (filter.text !== undefined) query = query.where(matching(filter.text));
  if (filter.after !== undefined) query = query.where("t.id", ">", filter.after);
  const rows = await query.orderBy("t.id").limit(filter.limit).execute();
  return rows.map(customerOf);
}

export async function readCustomers(
  db: Database,
  words: SqlDialectWords,
  ids: readonly string[],
): Promise<readonly CustomerRecord[]> {
  const rows = await customers(db).where("t.id", "in", listOf(words, ids)).orderBy("t.id").execute();
  return rows.map(customerOf);
}

export async function countTenants(db: Database): Promise<{ organizations: number; customers: number }> {
  const rows = sql<string>`cast(count(*) as text)`.as("rows");
  const row = await db
    .selectNoFrom((query) => [
      query.selectFrom("organizations").select(rows).as("organizations"),
      query.selectFrom("customers").select(rows).as("customers"),
    ])
    .executeTakeFirst();
  return {
    organizations: wholeNumber(row?.organizations ?? null),
    customers: wholeNumber(row?.customers ?? null),
  };
}

async function register(
  engine: SqlEngine,
  scope: "customer" | "organization",
  records: readonly CustomerRecord[],
  insert: (trx: WriteTransaction, rows: readonly DirectoryRow[]) => Promise<void>,
): Promise<void> {
  // The last record of an id wins; one statement could not write the same row twice.
  const latest = [...new Map(records.map((record) => [record.id, record])).values()];
  const [first] = latest;
  if (first === undefined) return;
  await engine.transaction(async (trx) => {
    await engine.lockWork(trx, "directory");
    for (let start = 0; start < latest.length; start += CHUNK) {
      await insert(trx, latest.slice(start, start + CHUNK).map(directoryRow));
    }
    const about =
      latest.length === 1 ? { scope, id: first.id } : { scope: "everything" as const, id: undefined };
    const event = { place: 0, scope: about.scope, id: about.id ?? null };
    const steps: RevisionSteps = (revision) => [
      trx.insertInto("flag_revisions").values({ revision, ...event }),
    ];
    await engine.advance(trx, steps, about);
  });
  engine.committed();
}

type DirectoryRow = ReturnType<typeof directoryRow>;

function directoryRow(record: CustomerRecord) {
  return {
    id: record.id,
    organization_id: record.organizationId ?? null,
    name: record.name ?? null,
    attributes: record.attributes === undefined ? null : JSON.stringify(record.attributes),
    search_id: record.id.toLowerCase(),
    search_name: record.name?.toLowerCase() ?? null,
  };
}

function customers(db: Database) {
  return db
    .selectFrom("customers as t")
    .select(["t.id", "t.organization_id", "t.name", asText("t.attributes").as("attributes")]);
}

type OrganizationRow = TextRow<"name" | "attributes"> & { readonly id: string };

function customerOf(row: OrganizationRow & TextRow<"organization_id">): CustomerRecord {
  const organization = row.organization_id === null ? {} : { organizationId: row.organization_id };
  return Object.freeze({ ...organizationOf(row), ...organization });
}

function organizationOf(row: OrganizationRow): OrganizationRecord {
  const attributes = attributesOf(row.attributes);
  return {
    id: row.id,
    ...(row.name === null ? {} : { name: row.name }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

/** The start of an id or any part of a name; `%` and `_` in the text are just characters. */
function matching(text: string): RawBuilder<boolean> {
  const wanted = text.toLowerCase().replace(/[\\%_]/g, "\\$&");
  return sql<boolean>`(${sql.ref("t.search_id")} like ${`${wanted}%`} escape '\\' or ${sql.ref("t.search_name")} like ${`%${wanted}%`} escape '\\')`;
}
