import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";

export type SqliteRow = Record<string, SQLOutputValue>;

export interface SqliteConnection {
  readonly isInTransaction: boolean;
  /** Runs one statement to its end. Throws the driver's error. */
  run(
    sql: string,
    parameters?: readonly unknown[],
  ): { readonly rows: SqliteRow[]; readonly changed: number | bigint };
  /** Asks one statement again and again for its first row. `onQuery` is not told each time. */
  repeated(sql: string): () => SqliteRow | undefined;
  close(): void;
}

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** How long SQLite itself waits for a lock, in milliseconds, holding up the event loop. */
  readonly timeout: number;
  readonly onQuery: ((sql: string) => void) | undefined;
}

/** Statements kept prepared. The storage has a few dozen. */
const STATEMENTS = 200;

export function openConnection(file: string, options: ConnectionOptions): SqliteConnection {
  const { readOnly, timeout, onQuery } = options;
  const database = new DatabaseSync(file, { readOnly, timeout });
  const statements = new Map<string, { statement: StatementSync; answers: boolean }>();

  function prepared(sql: string): { statement: StatementSync; answers: boolean } {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    const entry = { statement, answers: statement.columns().length > 0 };
    if (statements.size >= STATEMENTS) statements.clear();
    statements.set(sql, entry);
    return entry;
  }

  return Object.freeze({
    get isInTransaction() {
      return database.isTransaction;
    },
    run(sql: string, parameters: readonly unknown[] = []) {
      onQuery?.(sql);
      const { statement, answers } = prepared(sql);
      const values = parameters.map(inputValue);
      if (answers) return { rows: statement.all(...values), changed: 0 };
      return { rows: [], changed: statement.run(...values).changes };
    },
    repeated(sql: string) {
      let statement: StatementSync | undefined;
      return () => {
        statement ??= database.prepare(sql);
        return statement.get();
      };
    },
    close: () => database.close(),
  });
}

function inputValue(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint") {
    return value;
  }
  throw new TypeError(`SQLite is given a ${typeof value}: the storage writes text, numbers and null.`);
}
