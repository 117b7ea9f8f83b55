import { type RawBuilder, sql } from "kysely";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { OverrideWrite, TenantRef } from "../../feature-flags/core/storage.ts";
import type { FlagChange, FlagObject, FlagValue } from "../../feature-flags/core/types.ts";
import type { SqlEngine, WriteTransaction } from "./engine.ts";
import { type ChangeColumn, wholeNumber } from "./rows.ts";
import { asText, textTable } from "./text-columns.ts";

type AuditTable = "feature_flag_changes" | "pending_flag_changes";

const COLUMNS = [
  "revision",
  "position",
  "change_id",
  "customer_id",
  "organization_id",
  "flag_path",
  "old_value",
  "new_value",
  "old_override",
  "new_override",
  "changed_by",
  "on_behalf_of",
  "changed_at",
  "reason",
  "feature_name",
  "evidence",
] as const satisfies readonly ChangeColumn[];
const LEAF_COLUMNS = [
  "position",
  "flag_path",
  "old_value",
  "new_value",
  "old_override",
  "new_override",
] as const;
/** Kept rows moved at a time. */
const BATCH = 500;

/** What all rows of one change have in common. */
export interface AuditedChange
  extends Pick<OverrideWrite, "changeId" | "changedBy" | "onBehalfOf" | "changedAt" | "reason"> {
  readonly tenant?: TenantRef | undefined;
  readonly featureName?: string | undefined;
  readonly evidence?: FlagObject | undefined;
}

/** One statement for any number of rows: they travel as one parameter, so that no limit on parameters applies. */
export function insertAuditRows(
  engine: SqlEngine,
  trx: WriteTransaction,
  table: AuditTable,
  revision: RawBuilder<number>,
  write: AuditedChange,
  changes: readonly FlagChange[],
) {
  const { words } = engine;
  const { tenant } = write;
  const leaves = textTable(words, LEAF_COLUMNS, changes.map(leafRow));
  const json = (column: (typeof LEAF_COLUMNS)[number]) => words.json(sql.ref<string | null>(`r.${column}`));
  return trx
    .insertInto(table)
    .columns(COLUMNS)
    .expression((query) =>
      query
        .selectFrom(leaves.as("r"))
        .select([
          revision.as("revision"),
          sql<number>`cast(r.position as integer)`.as("position"),
          text(write.changeId).as("change_id"),
          text(tenant?.kind === "customer" ? tenant.id : null).as("customer_id"),
          text(tenant?.kind === "organization" ? tenant.id : null).as("organization_id"),
          sql<string>`r.flag_path`.as("flag_path"),
          json("old_value").as("old_value"),
          json("new_value").as("new_value"),
          json("old_override").as("old_override"),
          json("new_override").as("new_override"),
          text(write.changedBy ?? null).as("changed_by"),
          text(write.onBehalfOf ?? null).as("on_behalf_of"),
          words.time(write.changedAt).as("changed_at"),
          text(write.reason ?? null).as("reason"),
          text(write.featureName ?? null).as("feature_name"),
          words.json(text(jsonText(write.evidence))).as("evidence"),
        ]),
    );
}

/**
 * Moves kept rows to the audit table, oldest first. A row that is still refused stays and holds none of the others
 * up. Resolves with how many stay.
 */
export async function retryAudit(engine: SqlEngine): Promise<number> {
  return engine.transaction(async (trx) => {
    await engine.lockWork(trx, "kept audit rows");
    let after = { revision: -1, position: -1 };
    let waiting = 0;
    for (;;) {
      const places = await placesAfter(trx, after);
      const last = places.at(-1);
      if (last === undefined) return waiting;
      waiting += await moveBatch(engine, trx, after, places);
      after = last;
    }
  });
}

interface Place {
  readonly revision: number;
  readonly position: number;
}

async function placesAfter(trx: WriteTransaction, after: Place): Promise<Place[]> {
  const rows = await trx
    .selectFrom("pending_flag_changes as k")
    .select([asText("k.revision").as("revision"), asText("k.position").as("position")])
    .where(isAfter(after))
    .orderBy("k.revision")
    .orderBy("k.position")
    .limit(BATCH)
    .execute();
  return rows.map((row) => ({ revision: wholeNumber(row.revision), position: wholeNumber(row.position) }));
}

/** All at once, and one by one only where that is refused. */
async function moveBatch(
  engine: SqlEngine,
  trx: WriteTransaction,
  after: Place,
  places: readonly Place[],
): Promise<number> {
  const last = places.at(-1);
  if (last === undefined || (await isMoved(engine, trx, after, last))) return 0;
  let refused = 0;
  for (const place of places) {
    const before = { revision: place.revision, position: place.position - 1 };
    if (!(await isMoved(engine, trx, before, place))) refused += 1;
  }
  return refused;
}

async function isMoved(
  engine: SqlEngine,
  trx: WriteTransaction,
  after: Place,
  upTo: Place,
): Promise<boolean> {
  const outcome = await underSavepoint(engine, trx, async () => {
    await trx
      .insertInto("feature_flag_changes")
      .columns(COLUMNS)
      .expression((query) =>
        query
          .selectFrom("pending_flag_changes as k")
          .select(COLUMNS)
          .where(isAfter(after))
          .where(isUpTo(upTo)),
      )
      .execute();
    await trx.deleteFrom("pending_flag_changes as k").where(isAfter(after)).where(isUpTo(upTo)).execute();
  });
  return !("refusal" in outcome);
}

/** Undoes `work` alone where its statement is refused; any other failure is the transaction's. */
export async function underSavepoint<T>(
  engine: SqlEngine,
  trx: WriteTransaction,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly refusal: unknown }> {
  await sql`savepoint audit`.execute(trx);
  try {
    const value = await work();
    return { value };
  } catch (error) {
    if (!engine.isRefusal(error)) throw error;
    await sql`rollback to savepoint audit`.execute(trx);
    return { refusal: error };
  }
}

/** What a change ends with whose rows neither this table nor, where that may be, the one beside it takes. */
export function auditUnavailable(cause: unknown): FlagError {
  return new FlagError(
    "AUDIT_UNAVAILABLE",
    "The audit trail did not take this change's rows, so the change was not made. Repair feature_flag_changes.",
    { cause },
  );
}

function isAfter(place: Place): RawBuilder<boolean> {
  return sql<boolean>`(k.revision, k.position) > (${place.revision}, ${place.position})`;
}

function isUpTo(place: Place): RawBuilder<boolean> {
  return sql<boolean>`(k.revision, k.position) <= (${place.revision}, ${place.position})`;
}

function leafRow(change: FlagChange, position: number) {
  return {
    position,
    flag_path: change.path,
    old_value: jsonText(change.oldValue),
    new_value: jsonText(change.newValue),
    old_override: jsonText(change.oldOverride),
    new_override: jsonText(change.newOverride),
  };
}

function jsonText(value: FlagValue | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

// PostgreSQL cannot tell the type of a parameter that a select merely passes on.
function text<T extends string | null>(value: T): RawBuilder<T> {
  return sql<T>`cast(${value} as text)`;
}
