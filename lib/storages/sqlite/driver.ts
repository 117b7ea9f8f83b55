import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { SqliteConnection } from "./connection.ts";
import { untilFree } from "./until-free.ts";
import type { WriteQueue } from "./write-queue.ts";

/** One connection as a Kysely dialect. */
export function sqliteDialect(driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createAdapter: () => ({
      // The write queue orders transactions; Kysely's own lock would only come on top of it.
      supportsMultipleConnections: true,
      supportsTransactionalDdl: true,
      supportsCreateIfNotExists: true,
      supportsReturning: true,
      // Migrations run in a transaction, which has taken the write lock before it reads their state.
      acquireMigrationLock: async () => {},
      releaseMigrationLock: async () => {},
    }),
  };
}

/** Single statements on a connection of their own: they run to their end, so that none waits for another. */
export function readingDriver(connection: SqliteConnection): Driver {
  const reader = databaseConnection(connection);
  const refuse = async () => {
    throw new Error("The reading connection runs no transactions.");
  };
  return {
    init: async () => {},
    acquireConnection: async () => reader,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => {},
    destroy: async () => {},
  };
}

/** Transactions, one after the other in this process, and one at a time among all that have the file open. */
export function writingDriver(connection: SqliteConnection, queue: WriteQueue, timeout: number): Driver {
  const writer = databaseConnection(connection);
  return {
    init: async () => {},
    async acquireConnection() {
      await queue.enter();
      return writer;
    },
    beginTransaction: () => untilFree(() => void connection.run("begin immediate"), timeout),
    async commitTransaction() {
      try {
        connection.run("commit");
      } catch (error) {
        rollBack(connection);
        throw error;
      }
    },
    rollbackTransaction: async () => rollBack(connection),
    releaseConnection: async () => queue.leave(),
    destroy: async () => {},
  };
}

function rollBack(connection: SqliteConnection): void {
  // A full disk or an I/O error has already rolled it back.
  if (connection.isInTransaction) connection.run("rollback");
}

function databaseConnection(connection: SqliteConnection): DatabaseConnection {
  return {
    executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
      const { rows, changed } = connection.run(sql, parameters);
      return { rows: asRows<Row>(rows), numAffectedRows: BigInt(changed) };
    },
    async *streamQuery<Row>(query: CompiledQuery) {
      yield await this.executeQuery<Row>(query);
    },
  };
}

/** The types of rows are what the query that asks for them says. */
function asRows<Row>(rows: unknown[]): Row[] {
  return rows as Row[];
}
