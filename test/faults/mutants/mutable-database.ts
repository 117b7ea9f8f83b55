import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import pg from "pg";
import { type MutableTable, type RowMutation, type SqlValue, TABLES } from "./row-mutations.ts";

/** A database whose rows are changed past the storage. */
export interface MutableDatabase {
  /** Changes all the rows or, where the database refuses one, none. */
  mutate(rows: readonly RowMutation[]): Promise<"changed" | "refused">;
  /** Puts back what the last `mutate` changed. */
  undo(): Promise<void>;
  /** An override's flags, as text; undefined where there is no such row. */
  flagsOf(table: MutableTable, key: string | number): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Runs one statement: the first cells of its rows. */
type Ask = (sql: string, values?: readonly SqlValue[]) => Promise<readonly unknown[]>;

interface Spelling {
  readonly ask: Ask;
  table(name: string): string;
  /** The nth value, which stands for one of a column's type. */
  value(n: number, value: SqlValue): string;
  isRefusal(error: unknown): boolean;
  end(): Promise<void>;
}

export function mutableSqlite(file: string): Promise<MutableDatabase> {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  // What these rows are is not to outlive the test.
  database.exec("pragma synchronous = off");
  return mutable({
    async ask(sql, values = []) {
      const statement = database.prepare(sql);
      const input: SQLInputValue[] = [...values];
      return statement.all(...input).map((row) => Object.values(row)[0]);
    },
    table: (name) => name,
    value: (_, value) => (value instanceof Uint8Array ? "cast(? as text)" : "?"),
    isRefusal: (error) => error instanceof Error && "errcode" in error,
    end: async () => database.close(),
  });
}

export async function mutablePostgres(url: string, schema: string): Promise<MutableDatabase> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return mutable({
    async ask(sql, values = []) {
      const given = values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
      const text = given.map((value) => (typeof value === "number" ? String(value) : value));
      const { rows } = await client.query<Record<string, unknown>>(sql, text);
      return rows.map((row) => Object.values(row)[0]);
    },
    table: (name) => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`,
    value: (n) => `$${n}`,
    isRefusal: (error) => error instanceof pg.DatabaseError,
    end: () => client.end(),
  });
}

async function mutable({ ask, table, value, isRefusal, end }: Spelling): Promise<MutableDatabase> {
  for (const name of Object.keys(TABLES)) {
    await ask(`create table ${table(`kept_${name}`)} as select * from ${table(name)} where 1 = 0`);
  }
  let changed: readonly RowMutation[] = [];

  /** Where a row itself is not enough to undo: its key is another one then, or many rows have it. */
  function scope({ table: name, key, column }: RowMutation): { where: string; values: readonly SqlValue[] } {
    if (column === TABLES[name].key || name === "flag_revisions") return { where: "1 = 1", values: [] };
    return { where: `${TABLES[name].key} = ${value(1, key)}`, values: [key] };
  }

  async function mutateRow(row: RowMutation): Promise<void> {
    const { table: name, key, column, value: to } = row;
    const { where, values } = scope(row);
    await ask(`delete from ${table(`kept_${name}`)}`);
    await ask(`insert into ${table(`kept_${name}`)} select * from ${table(name)} where ${where}`, values);
    if (column === undefined) {
      await ask(`delete from ${table(name)} where ${TABLES[name].key} = ${value(1, key)}`, [key]);
      return;
    }
    const set = `${column} = ${value(1, to)}`;
    await ask(`update ${table(name)} set ${set} where ${TABLES[name].key} = ${value(2, key)}`, [to, key]);
  }

  async function transaction(work: () => Promise<void>): Promise<void> {
    await ask("begin");
    try {
      await work();
      await ask("commit");
    } catch (error) {
      await ask("rollback");
      throw error;
    }
  }

  return {
    async mutate(rows) {
      try {
        await transaction(async () => {
          for (const row of rows) await mutateRow(row);
        });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return "refused";
      }
      changed = rows;
      return "changed";
    },
    async undo() {
      await transaction(async () => {
        for (const row of changed) {
          const { where, values } = scope(row);
          await ask(`delete from ${table(row.table)} where ${where}`, values);
          await ask(`insert into ${table(row.table)} select * from ${table(`kept_${row.table}`)}`);
        }
      });
      changed = [];
    },
    async flagsOf(name, key) {
      const [flags] = await ask(
        `select cast(flags as text) from ${table(name)} where ${TABLES[name].key} = ${value(1, key)}`,
        [key],
      );
      return typeof flags === "string" ? flags : undefined;
    },
    close: end,
  };
}
