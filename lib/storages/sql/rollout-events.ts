import { type RawBuilder, sql } from "kysely";
import type { RolloutCount, RolloutEvent, RolloutWindow } from "../../feature-flags/core/storage.ts";
import { minuteOf, type TimeRange, windowParts } from "../minutes.ts";
import type { Database, SqlDialectWords, SqlEngine, WriteTransaction } from "./engine.ts";
import { rolloutCountOf, type TextRow, wholeNumber } from "./rows.ts";
import { asText, textTable } from "./text-columns.ts";

/** Rows per statement. */
const CHUNK = 5_000;

const EVENT_COLUMNS = ["feature_name", "occurred_at", "customer_id", "event", "tier", "metadata"] as const;
const COUNT_COLUMNS = ["feature_name", "minute", "tier", "event", "count"] as const;

type EventRow = ReturnType<typeof eventRow>;
type InsertedRow = TextRow<"occurred_at" | "tier"> & {
  readonly feature_name: string;
  readonly event: string;
};

interface CountRow {
  readonly feature_name: string;
  readonly minute: number;
  readonly tier: number;
  readonly event: string;
  readonly count: number;
}

/**
 * Only rows that were not there are counted. Every recorder writes events before counts and both in one order, so
 * that two of them wait for each other at most, and never both.
 */
export async function recordRolloutEvents(
  engine: SqlEngine,
  events: readonly RolloutEvent[],
): Promise<number> {
  if (events.length === 0) return 0;
  const rows = events.map(eventRow).sort(byKey);
  return engine.transaction(async (trx) => {
    const inserted: InsertedRow[] = [];
    for (let start = 0; start < rows.length; start += CHUNK) {
      inserted.push(...(await insertEvents(trx, engine.words, rows.slice(start, start + CHUNK))));
    }
    if (inserted.length > 0) await addCounts(trx, engine.words, tallied(inserted));
    return inserted.length;
  });
}

export async function countRolloutEvents(
  db: Database,
  window: RolloutWindow,
): Promise<readonly RolloutCount[]> {
  const { head, whole, tail } = windowParts(window);
  const { featureName } = window;
  const rows = await db
    .selectFrom("rollout_counts as c")
    .select([asText("c.minute").as("minute"), asText("c.tier").as("tier"), "c.event"])
    .select(asText("c.count").as("count"))
    .where("c.feature_name", "=", featureName)
    .where("c.minute", ">=", whole.since)
    .where("c.minute", "<", whole.until)
    .unionAll(eventsWithin(db, featureName, head))
    .unionAll(eventsWithin(db, featureName, tail))
    .execute();
  return rows
    .flatMap((row) => rolloutCountOf(row) ?? [])
    .sort(
      (one, other) => one.minute - other.minute || one.tier - other.tier || compare(one.event, other.event),
    );
}

/** The events of one minute or a part of it, counted. */
function eventsWithin(db: Database, featureName: string, { since, until }: TimeRange) {
  return db
    .selectFrom("rollout_events as e")
    .select([
      sql<string>`cast(${minuteOf(since)} as text)`.as("minute"),
      asText("e.tier").as("tier"),
      "e.event",
    ])
    .select(sql<string>`cast(count(*) as text)`.as("count"))
    .where("e.feature_name", "=", featureName)
    .where("e.occurred_at", ">=", since)
    .where("e.occurred_at", "<", until)
    .groupBy(["e.tier", "e.event"]);
}

async function insertEvents(trx: WriteTransaction, words: SqlDialectWords, rows: readonly EventRow[]) {
  return trx
    .insertInto("rollout_events")
    .columns(EVENT_COLUMNS)
    .expression((query) =>
      query
        .selectFrom(textTable(words, EVENT_COLUMNS, rows).as("r"))
        .select(["r.feature_name", integer("r.occurred_at").as("occurred_at"), "r.customer_id", "r.event"])
        .select([integer("r.tier").as("tier"), "r.metadata"])
        .where(integer("r.occurred_at"), ">=", takenSince(trx))
        .$castTo<EventRow>(),
    )
    .onConflict((conflict) => conflict.doNothing())
    .returning(["feature_name", asText("occurred_at").as("occurred_at"), asText("tier").as("tier"), "event"])
    .execute();
}

/** Asks anew since when events are taken: of those inserted, some may have been forgotten only just before. */
async function addCounts(trx: WriteTransaction, words: SqlDialectWords, rows: readonly CountRow[]) {
  await trx
    .insertInto("rollout_counts")
    .columns(COUNT_COLUMNS)
    .expression((query) =>
      query
        .selectFrom(textTable(words, COUNT_COLUMNS, rows).as("r"))
        .select(["r.feature_name", integer("r.minute").as("minute"), integer("r.tier").as("tier"), "r.event"])
        .select(integer("r.count").as("count"))
        .where(integer("r.minute"), ">=", takenSince(trx))
        .$castTo<CountRow>(),
    )
    .onConflict((conflict) =>
      conflict.columns(["feature_name", "minute", "tier", "event"]).doUpdateSet({
        count: sql<number>`rollout_counts.count + excluded.count`,
      }),
    )
    .execute();
}

function takenSince(trx: WriteTransaction): RawBuilder<number> {
  const since = trx.selectFrom("flag_state").select("rollout_events_since").where("id", "=", 1);
  return sql<number>`coalesce((${since}), 0)`;
}

function eventRow({ featureName, timestamp, customerId, event, tier, metadata }: RolloutEvent) {
  return {
    feature_name: featureName,
    occurred_at: timestamp,
    customer_id: customerId,
    event,
    tier,
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
  };
}

/** Rows come in the order of their keys, and so the counts are made in the order of theirs. */
function tallied(rows: readonly InsertedRow[]): readonly CountRow[] {
  const tally = new Map<string, CountRow>();
  for (const row of rows) {
    const { feature_name, event } = row;
    const minute = minuteOf(wholeNumber(row.occurred_at));
    const tier = wholeNumber(row.tier);
    const key = JSON.stringify([feature_name, minute, tier, event]);
    const count = (tally.get(key)?.count ?? 0) + 1;
    tally.set(key, { feature_name, minute, tier, event, count });
  }
  return [...tally.values()].sort(
    (one, other) =>
      compare(one.feature_name, other.feature_name) ||
      one.minute - other.minute ||
      one.tier - other.tier ||
      compare(one.event, other.event),
  );
}

function byKey(one: EventRow, other: EventRow): number {
  return (
    compare(one.feature_name, other.feature_name) ||
    one.occurred_at - other.occurred_at ||
    compare(one.customer_id, other.customer_id) ||
    compare(one.event, other.event)
  );
}

/** Any order will do that is the same everywhere. */
function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

function integer(column: string): RawBuilder<number> {
  return sql<number>`cast(${sql.ref(column)} as bigint)`;
}
