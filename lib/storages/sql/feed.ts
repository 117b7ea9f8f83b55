import { sql } from "kysely";
import type { FeedEvent, FeedPage, StorageState } from "../../feature-flags/core/storage.ts";
import type { Database } from "./engine.ts";
import { feedEventOf, wholeNumber } from "./rows.ts";
import { asText } from "./text-columns.ts";

export async function readState(db: Database): Promise<StorageState> {
  const row = await db
    .selectFrom("flag_state as s")
    .select(["s.epoch", asText("s.revision").as("revision")])
    .executeTakeFirst();
  return { epoch: row?.epoch ?? "", revision: wholeNumber(row?.revision ?? null) };
}

/**
 * The feed after a revision and where storage stands, from one statement: an event and a state of different
 * moments would make a reader skip what lies between them.
 */
export async function changesSince(db: Database, revision: number, limit: number): Promise<FeedPage> {
  const page = db
    .selectFrom("flag_revisions")
    .select("revision")
    .where("revision", ">", revision)
    .orderBy("revision")
    .orderBy("place")
    .limit(limit)
    .as("p");
  const rows = await db
    .selectFrom("flag_state as s")
    .leftJoin("flag_revisions as f", (join) =>
      join
        .on("f.revision", ">", revision)
        // Damage alone puts a row beyond the newest revision. Followed, it would lead readers out of the sequence.
        .onRef("f.revision", "<=", "s.revision")
        .on("f.revision", "<=", (query) =>
          query.selectFrom(page).select(sql<number>`max(p.revision)`.as("last")),
        ),
    )
    .select([
      "s.epoch",
      asText("s.revision").as("newest"),
      asText("f.revision").as("revision"),
      "f.scope",
      "f.id",
    ])
    .orderBy("f.revision")
    .orderBy("f.place")
    .execute();
  const events = rows.filter((row) => row.revision !== null).map(feedEventOf);
  const [first] = rows;
  return {
    epoch: first?.epoch ?? "",
    revision: wholeNumber(first?.newest ?? null),
    events: wholeRevisions(events, limit),
  };
}

/** At most `limit` events without splitting a revision, or the whole of the first one. */
function wholeRevisions(events: readonly FeedEvent[], limit: number): readonly FeedEvent[] {
  const last = events.at(-1)?.revision;
  if (events.length <= limit || last === events[0]?.revision) return events;
  return events.filter((event) => event.revision !== last);
}
