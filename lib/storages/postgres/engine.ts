import { createHash } from "node:crypto";
import { Kysely, sql } from "kysely";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type {
  Database,
  EventSubject,
  RevisionSteps,
  SqlDialectWords,
  SqlEngine,
  WriteTransaction,
} from "../sql/engine.ts";
import type { MigrationTarget } from "../sql/migrate.ts";
import { wholeNumber } from "../sql/rows.ts";
import type { Tables } from "../sql/tables.ts";
import { postgresDialect } from "./driver.ts";
import { asPostgresError, isRefusal, isWithoutRevision } from "./errors.ts";
import type { ListenerOptions } from "./listener.ts";
import { createLocks } from "./locks.ts";
import { migrationTarget } from "./migration-target.ts";
import { noticeText } from "./notice.ts";
import type { PostgresPoolLike } from "./pool.ts";
import { createSubscribers } from "./subscribers.ts";

export interface EngineOptions {
  readonly pool: PostgresPoolLike;
  readonly replica: PostgresPoolLike | undefined;
  readonly schema: string;
  readonly host: string;
  readonly prepare: boolean;
  /** What listening for commits takes; undefined where they are to be found by polling. */
  readonly listen: Pick<ListenerOptions, "connect" | "clock" | "random" | "log"> | undefined;
  readonly onQuery: ((sql: string) => void) | undefined;
  /** Ends what was made for this storage; a caller's pool is not. */
  end(): Promise<void>;
}

export interface PostgresEngine extends SqlEngine {
  readonly migrations: MigrationTarget;
}

const WORDS = Object.freeze<SqlDialectWords>({
  json: (text) => sql<string>`cast(${text} as jsonb)`,
  time: (milliseconds) => sql<number>`to_timestamp(cast(${milliseconds} as double precision) / 1000)`,
  milliseconds: (column) => sql<string | null>`cast(extract(epoch from ${sql.ref(column)}) * 1000 as text)`,
  jsonElements: (json) => sql`json_array_elements(cast(${json} as json))`,
});

export function postgresEngine(options: EngineOptions): PostgresEngine {
  const { schema, replica } = options;
  const name = `schema ${JSON.stringify(schema)}`;
  const locks = createLocks(schema);
  const channel = notificationChannel(schema);
  const open = (pool: PostgresPoolLike): Database =>
    new Kysely<Tables>({ dialect: postgresDialect({ ...options, pool }) }).withSchema(schema);
  const db = open(options.pool);
  const subscribers =
    options.listen &&
    createSubscribers({
      ...options.listen,
      channel,
      onQuery: options.onQuery,
      notify: async (payload) => {
        await sql`select pg_notify(${channel}, ${payload})`.execute(db);
      },
    });

  return Object.freeze({
    kind: "postgres",
    name,
    host: options.host,
    words: WORDS,
    reads: db,
    replica: replica === undefined ? undefined : open(replica),
    async statement(make) {
      await make(db).execute();
    },
    transaction: (work) => db.transaction().execute(work),
    lockTenant: locks.tenant,
    lockWork: locks.work,
    advance: (trx, steps, about) => advance(trx, steps, about, schema, channel),
    isRefusal,
    asFlagError: (error, doing) => asPostgresError(error, name, doing),
    committed() {},
    subscribe: subscribers?.add,
    feedMode: () => (subscribers?.isListening === true ? "listen" : "poll"),
    async close() {
      subscribers?.close();
      await options.end();
    },
    migrations: migrationTarget(db, schema, name, locks),
  } satisfies PostgresEngine);
}

/** The channel on which each commit tells its revision. Names of channels are short and plain; schemas need not be. */
export function notificationChannel(schema: string): string {
  return `strata_${createHash("sha256").update(schema).digest("hex").slice(0, 16)}`;
}

/** One statement for all that carries the revision: its row stays locked for a round trip and the commit only. */
async function advance(
  trx: WriteTransaction,
  steps: RevisionSteps,
  about: EventSubject | undefined,
  schema: string,
  channel: string,
): Promise<number> {
  const made = steps(sql<number>`(select revision from advanced)`);
  const parts = made.map((step, index) => sql`, ${sql.id(`step_${index}`)} as (${step})`);
  const statement = sql<{ revision: string }>`
    with advanced as (
      update ${sql.id(schema, "flag_state")} set revision = revision + 1 where id = 1 returning revision, epoch
    )${sql.join(parts, sql``)}
    select cast(revision as text) as revision, pg_notify(${channel}, ${noticeText(about)}) from advanced`;
  try {
    const { rows } = await statement.execute(trx);
    if (rows[0] !== undefined) return wholeNumber(rows[0].revision);
  } catch (error) {
    if (!isWithoutRevision(error)) throw error;
  }
  throw new FlagError("STORAGE_CORRUPT", "The table flag_state has lost its row. Restore it from a backup.");
}
