import { type RawBuilder, sql } from "kysely";
import type {
  RolloutDecision,
  RolloutList,
  RolloutWrite,
  RolloutWritten,
  StoredRollout,
} from "../../feature-flags/core/storage.ts";
import { requireActorAndReason, storedJson } from "../write-rules.ts";
import { auditUnavailable, insertAuditRows, underSavepoint } from "./audit-rows.ts";
import type { Database, SqlDialectWords, SqlEngine, WriteTransaction } from "./engine.ts";
import { type RolloutColumn, rolloutOf, type TextRow, wholeNumber } from "./rows.ts";
import { asText } from "./text-columns.ts";

type ListRow = TextRow<RolloutColumn | "epoch" | "state_rollouts">;

export async function listRollouts(db: Database, words: SqlDialectWords): Promise<RolloutList> {
  const rows: readonly ListRow[] = await db
    .selectFrom(sql<{ one: number }>`(select 1 as one)`.as("base"))
    .leftJoin("flag_state as s", (join) => join.on("s.id", "=", 1))
    .leftJoin("feature_rollouts as r", (join) => join.onTrue())
    .select([
      "s.epoch",
      asText("s.rollouts").as("state_rollouts"),
      "r.feature_name",
      asText("r.rollout").as("rollout"),
      asText("r.version").as("version"),
      asText("r.revision").as("rollout_revision"),
      words.milliseconds("r.updated_at").as("updated_at"),
      "r.updated_by",
    ])
    .orderBy("r.feature_name")
    .execute();
  const [first] = rows;
  return {
    epoch: first?.epoch ?? "",
    revision: wholeNumber(first?.state_rollouts ?? null),
    rollouts: rows.filter((row) => row.feature_name !== null).map(rolloutOf),
  };
}

interface NewRollout {
  readonly rollout: string;
  readonly version: number;
}

/** One writer of any rollout at a time: what is decided about one may depend on the others. */
export async function writeRollout(engine: SqlEngine, write: RolloutWrite): Promise<RolloutWritten> {
  requireActorAndReason(write);
  const written = await engine.transaction(async (trx): Promise<RolloutWritten> => {
    await engine.lockWork(trx, "rollouts");
    const { rollouts } = await listRollouts(trx, engine.words);
    const own = rollouts.find(({ featureName }) => featureName === write.featureName);
    const others = rollouts.filter((rollout) => rollout !== own);
    const decision = write.decide(own, others);
    if (decision === undefined) return { version: own?.version ?? 0, revision: undefined };
    return store(engine, trx, write, decision, own);
  });
  if (written.revision !== undefined) engine.committed();
  return written;
}

async function store(
  engine: SqlEngine,
  trx: WriteTransaction,
  write: RolloutWrite,
  decision: RolloutDecision,
  own: StoredRollout | undefined,
): Promise<RolloutWritten> {
  const version = (own?.version ?? 0) + 1;
  const row = { rollout: storedJson("rollout", decision.rollout), version };
  const audited = await underSavepoint(engine, trx, () => advance(engine, trx, write, row, decision));
  if ("value" in audited) return { version, revision: audited.value };
  // The change without its audit row tells whether that was refused or the change itself. It is never committed.
  const plain = await underSavepoint(engine, trx, () => advance(engine, trx, write, row, undefined));
  throw "refusal" in plain ? plain.refusal : auditUnavailable(audited.refusal);
}

async function advance(
  engine: SqlEngine,
  trx: WriteTransaction,
  write: RolloutWrite,
  row: NewRollout,
  audited: RolloutDecision | undefined,
): Promise<number> {
  const { featureName, changedAt, changedBy } = write;
  const about = { scope: "rollout", id: featureName } as const;
  const stored = {
    rollout: engine.words.json(row.rollout),
    version: row.version,
    updated_at: engine.words.time(changedAt),
    updated_by: changedBy ?? null,
  };
  const auditRow = (change: RolloutDecision, at: RawBuilder<number>) => {
    const { tenant, evidence } = change;
    const rows = [{ ...change, oldOverride: undefined, newOverride: undefined }];
    return insertAuditRows(engine, trx, "feature_flag_changes", at, { ...write, tenant, evidence }, rows);
  };
  const revision = await engine.advance(
    trx,
    (at) => [
      trx
        .insertInto("feature_rollouts")
        .values({ feature_name: featureName, revision: at, ...stored })
        .onConflict((conflict) =>
          conflict.column("feature_name").doUpdateSet((renewed) => ({
            rollout: renewed.ref("excluded.rollout"),
            version: renewed.ref("excluded.version"),
            revision: renewed.ref("excluded.revision"),
            updated_at: renewed.ref("excluded.updated_at"),
            updated_by: renewed.ref("excluded.updated_by"),
          })),
        ),
      trx.insertInto("flag_revisions").values({ revision: at, place: 0, ...about }),
      ...(audited === undefined ? [] : [auditRow(audited, at)]),
    ],
    about,
  );
  // By itself, because a statement that advances the revision cannot write that row a second time.
  await trx.updateTable("flag_state").set({ rollouts: revision }).where("id", "=", 1).execute();
  return revision;
}
