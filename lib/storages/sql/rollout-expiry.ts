import type { RolloutExpiry } from "../../feature-flags/core/storage.ts";
import { MINUTE, minuteOf } from "../minutes.ts";
import type { Database, SqlEngine } from "./engine.ts";
import { wholeNumber } from "./rows.ts";
import { asText } from "./text-columns.ts";

/** Rows forgotten at a time, so that recording never waits for long. */
const BATCH = 10_000;
/** In one call: a second's work or two. */
const BATCHES = 10;

/**
 * Events go in batches, each for itself. Before the first of them goes it is written down that they are no longer
 * taken, so that none can be counted a second time.
 */
export async function expireRolloutEvents(engine: SqlEngine, limits: RolloutExpiry): Promise<boolean> {
  let left = BATCHES;
  for await (const feature of featuresOf(engine.reads, "rollout_events")) {
    left -= await forgetEvents(engine, feature, minuteOf(limits.eventsBefore), left);
    if (left <= 0) return true;
  }
  const countsBefore = minuteOf(limits.countsBefore);
  for await (const feature of featuresOf(engine.reads, "rollout_counts")) {
    await engine.statement((db) =>
      db.deleteFrom("rollout_counts").where("feature_name", "=", feature).where("minute", "<", countsBefore),
    );
  }
  return false;
}

/** Resolves with how many batches that took: all that were allowed where there is more. */
async function forgetEvents(
  engine: SqlEngine,
  feature: string,
  before: number,
  allowed: number,
): Promise<number> {
  const newest = await engine.reads
    .selectFrom("rollout_events as e")
    .select(asText("e.occurred_at").as("occurred_at"))
    .where("e.feature_name", "=", feature)
    .where("e.occurred_at", "<", before)
    .orderBy("e.occurred_at", "desc")
    .limit(1)
    .executeTakeFirst();
  if (newest === undefined) return 0;
  // Not up to the limit itself: a clock that runs ahead would have events refused for as long as it does.
  const since = minuteOf(wholeNumber(newest.occurred_at)) + MINUTE;
  await engine.statement((db) =>
    db
      .updateTable("flag_state")
      .set({ rollout_events_since: since })
      .where("id", "=", 1)
      .where("rollout_events_since", "<", since),
  );
  // With room for other work in between: SQLite never waits.
  for (let batches = 1; batches <= allowed; batches += 1) {
    if (!(await forgetBatch(engine, feature, since))) return batches - 1;
    await new Promise((resolve) => setTimeout(resolve));
  }
  return allowed;
}

/** Resolves with whether there are more. */
async function forgetBatch(engine: SqlEngine, feature: string, before: number): Promise<boolean> {
  const last = await engine.reads
    .selectFrom("rollout_events as e")
    .select(asText("e.occurred_at").as("occurred_at"))
    .where("e.feature_name", "=", feature)
    .where("e.occurred_at", "<", before)
    .orderBy("e.occurred_at")
    .limit(1)
    .offset(BATCH)
    .executeTakeFirst();
  const until = last === undefined ? before : wholeNumber(last.occurred_at) + 1;
  await engine.statement((db) =>
    db.deleteFrom("rollout_events").where("feature_name", "=", feature).where("occurred_at", "<", until),
  );
  return last !== undefined;
}

/** Each from the start of its rows in the primary key: there are far fewer features than rows. */
async function* featuresOf(db: Database, table: "rollout_events" | "rollout_counts"): AsyncGenerator<string> {
  let after = "";
  for (;;) {
    const next = await db
      .selectFrom(table)
      .select("feature_name")
      .where("feature_name", ">", after)
      .orderBy("feature_name")
      .limit(1)
      .executeTakeFirst();
    if (next === undefined) return;
    after = next.feature_name;
    yield after;
  }
}
