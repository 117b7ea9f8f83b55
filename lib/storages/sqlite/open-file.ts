import { FlagError } from "../../feature-flags/core/errors.ts";
import { openConnection, type SqliteConnection } from "./connection.ts";
import { APPLICATION_ID, createFile, fileSize, foreignFile, inspectFile } from "./file.ts";
import { untilFree } from "./until-free.ts";

export interface FileOptions {
  /** Milliseconds to wait for another process that holds the file. */
  readonly timeout: number;
  readonly onQuery: ((sql: string) => void) | undefined;
}

export interface OpenFile {
  readonly writer: SqliteConnection;
  readonly reader: SqliteConnection;
}

/** Files up to this size are read through before use; beyond it damage shows when it is met. */
const CHECKED_BYTES = 32 * 1024 * 1024;

/** Opens or creates the file with one connection to write and one to read. Nothing of it stays open on failure. */
export async function openFile(file: string, { timeout, onQuery }: FileOptions): Promise<OpenFile> {
  const isNew = (await inspectFile(file)) === "new";
  if (isNew) await createFile(file);
  const connections: SqliteConnection[] = [];
  try {
    const writer = openConnection(file, { readOnly: false, timeout: 0, onQuery });
    connections.push(writer);
    writer.run("pragma foreign_keys = on");
    // It reads the schema, which another process that is starting may just be locking.
    await untilFree(() => void writer.run("pragma synchronous = full"), timeout);
    // Reading it also undoes a first transaction that a crash cut short, and with it the mark that the file had.
    const mark = await untilFree(() => pragma(writer, "application_id"), timeout);
    if (isNew || mark !== APPLICATION_ID) await claim(writer, file, timeout);
    else await checkDamage(writer, file, timeout);
    await useWriteAheadLog(writer, file, timeout);
    const reader = openConnection(file, { readOnly: true, timeout, onQuery });
    connections.push(reader);
    reader.run("pragma foreign_keys = on");
    return { writer, reader };
  } catch (error) {
    for (const connection of connections) connection.close();
    throw error;
  }
}

/**
 * Marks the file as ours. This comes before the write-ahead log, so that the mark is in the file itself from its
 * first byte on. Of several processes that start on one new file, the first marks it.
 */
async function claim(writer: SqliteConnection, file: string, timeout: number): Promise<void> {
  await untilFree(() => void writer.run("begin immediate"), timeout);
  const applicationId = pragma(writer, "application_id");
  if (applicationId !== APPLICATION_ID) {
    if (applicationId !== 0 || pragma(writer, "schema_version") !== 0) throw foreignFile(file);
    writer.run(`pragma application_id = ${APPLICATION_ID}`);
  }
  await untilFree(() => void writer.run("commit"), timeout);
}

async function checkDamage(writer: SqliteConnection, file: string, timeout: number): Promise<void> {
  if ((await fileSize(file)) > CHECKED_BYTES) return;
  const found = await untilFree(() => pragma(writer, "quick_check(1)"), timeout);
  if (found === "ok") return;
  throw new FlagError(
    "STORAGE_CORRUPT",
    `${file} is damaged (${found}). Restore it from a backup. It is left as it is.`,
  );
}

async function useWriteAheadLog(writer: SqliteConnection, file: string, timeout: number): Promise<void> {
  const mode = await untilFree(() => pragma(writer, "journal_mode = wal"), timeout);
  if (mode === "wal") return;
  throw new FlagError(
    "STORAGE_UNAVAILABLE",
    `SQLite cannot keep a write-ahead log for ${file} (journal mode ${mode}). Put the file on a local disk.`,
  );
}

function pragma(connection: SqliteConnection, name: string): unknown {
  const [row] = connection.run(`pragma ${name}`).rows;
  return row === undefined ? undefined : Object.values(row)[0];
}
