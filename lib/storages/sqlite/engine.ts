import { Kysely, sql } from "kysely";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { Clock, Log } from "../../feature-flags/core/types.ts";
import { createListeners } from "../listeners.ts";
import type { RevisionSteps, SqlDialectWords, SqlEngine, WriteTransaction } from "../sql/engine.ts";
import type { MigrationTarget } from "../sql/migrate.ts";
import { wholeNumber } from "../sql/rows.ts";
import type { Tables } from "../sql/tables.ts";
import { asText } from "../sql/text-columns.ts";
import { SQLITE_COLUMN_TYPES } from "./column-types.ts";
import { createCommitWatch } from "./commit-watch.ts";
import { readingDriver, sqliteDialect, writingDriver } from "./driver.ts";
import { asSqliteError, isRefusal } from "./errors.ts";
import type { OpenFile } from "./open-file.ts";
import { createWriteQueue } from "./write-queue.ts";

export interface SqliteEngine extends SqlEngine {
  readonly migrations: MigrationTarget;
}

const WORDS = Object.freeze<SqlDialectWords>({
  json: (text) => sql<string>`${text}`,
  time: (milliseconds) => sql<number>`${milliseconds}`,
  milliseconds: asText,
  jsonElements: (json) => sql`json_each(${json})`,
});

export interface EngineOptions {
  readonly file: string;
  readonly host: string;
  /** Milliseconds to wait for another process that writes. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: Log;
}

export function sqliteEngine({ reader, writer }: OpenFile, options: EngineOptions): SqliteEngine {
  const { file, host, timeout, clock, log } = options;
  const reads = new Kysely<Tables>({ dialect: sqliteDialect(readingDriver(reader)) });
  const queue = createWriteQueue();
  const writes = new Kysely<Tables>({ dialect: sqliteDialect(writingDriver(writer, queue, timeout)) });
  const listeners = createListeners({
    log,
    later: setImmediate,
    onFirst: () => watch.start(),
    onNone: () => watch.stop(),
  });
  const watch = createCommitWatch({ reader, clock, log, tell: () => listeners.tell() });
  const transaction = <T>(work: (trx: WriteTransaction) => Promise<T>) => writes.transaction().execute(work);

  return Object.freeze({
    kind: "sqlite",
    name: file,
    host,
    words: WORDS,
    reads,
    replica: undefined,
    async statement(make) {
      await transaction((trx) => make(trx).execute());
    },
    transaction,
    // The write lock is on the whole file, and every transaction begins by taking it.
    lockTenant: async () => () => true,
    lockWork: async () => {},
    advance,
    isRefusal,
    asFlagError: (error, doing) => asSqliteError(error, file, doing),
    committed() {
      if (listeners.size > 0) watch.look();
    },
    subscribe: (listener) => listeners.add(listener),
    async close() {
      listeners.close();
      await queue.enter();
      // The reader first: the last one to leave empties the write-ahead log, which takes a connection that writes.
      reader.close();
      writer.close();
    },
    migrations: Object.freeze({
      name: file,
      types: SQLITE_COLUMN_TYPES,
      schema: undefined,
      db: reads,
      transaction,
      async hasTable(db, table) {
        const query = sql`select 1 from sqlite_schema where type = 'table' and name = ${table}`;
        return (await query.execute(db)).rows.length > 0;
      },
    } satisfies MigrationTarget),
  } satisfies SqliteEngine);
}

async function advance(trx: WriteTransaction, steps: RevisionSteps): Promise<number> {
  const state = await trx
    .updateTable("flag_state")
    .set((row) => ({ revision: row("revision", "+", 1) }))
    .where("id", "=", 1)
    .returning(asText("revision").as("revision"))
    .executeTakeFirst();
  if (state === undefined) {
    throw new FlagError(
      "STORAGE_CORRUPT",
      "The table flag_state has lost its row. Restore it from a backup.",
    );
  }
  const revision = wholeNumber(state.revision);
  for (const step of steps(sql<number>`${revision}`)) await sql`${step}`.execute(trx);
  return revision;
}
