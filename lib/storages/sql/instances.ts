import { sql } from "kysely";
import type { InstanceRecord, InstanceReport } from "../../feature-flags/core/storage.ts";
import type { Database, SqlEngine } from "./engine.ts";
import { type TextRow, wholeNumber } from "./rows.ts";
import { asText } from "./text-columns.ts";

/**
 * One statement. A report that was overtaken on its way by a later one changes nothing; of two from the same
 * moment the one that has got further stays.
 */
export async function reportInstance(engine: SqlEngine, report: InstanceReport): Promise<void> {
  await engine.statement((db) =>
    db
      .insertInto("flag_instances")
      .values({
        id: report.id,
        host: engine.host,
        pid: report.pid ?? null,
        version: report.version,
        epoch: report.epoch,
        revision: report.revision,
        seen_at: engine.words.time(report.seenAt),
      })
      .onConflict((conflict) =>
        conflict
          .column("id")
          .doUpdateSet((row) => ({
            host: row.ref("excluded.host"),
            pid: row.ref("excluded.pid"),
            version: row.ref("excluded.version"),
            epoch: row.ref("excluded.epoch"),
            revision: row.ref("excluded.revision"),
            seen_at: row.ref("excluded.seen_at"),
          }))
          .where(
            sql<boolean>`excluded.seen_at > flag_instances.seen_at or (excluded.seen_at = flag_instances.seen_at
              and (excluded.epoch <> flag_instances.epoch or excluded.revision >= flag_instances.revision))`,
          ),
      ),
  );
}

export async function listInstances(
  { reads, words }: Pick<SqlEngine, "reads" | "words">,
  seenSince: number,
): Promise<readonly InstanceRecord[]> {
  const rows = await reads
    .selectFrom("flag_instances as i")
    .select(["i.id", "i.host", asText("i.pid").as("pid"), "i.version", "i.epoch"])
    .select([asText("i.revision").as("revision"), words.milliseconds("i.seen_at").as("seen_at")])
    .where("i.seen_at", ">=", words.time(seenSince))
    .orderBy("i.id")
    .execute();
  return rows.map(instanceOf);
}

export async function removeInstances(engine: SqlEngine, id: string, seenBefore: number): Promise<void> {
  await engine.statement((db: Database) =>
    db
      .deleteFrom("flag_instances")
      .where((row) => row.or([row("id", "=", id), row("seen_at", "<", engine.words.time(seenBefore))])),
  );
}

function instanceOf(
  row: TextRow<"host" | "pid" | "revision" | "seen_at"> & {
    readonly id: string;
    readonly version: string;
    readonly epoch: string;
  },
): InstanceRecord {
  return Object.freeze({
    id: row.id,
    host: row.host ?? undefined,
    pid: row.pid === null ? undefined : wholeNumber(row.pid),
    version: row.version,
    epoch: row.epoch,
    revision: wholeNumber(row.revision),
    seenAt: wholeNumber(row.seen_at),
  });
}
