import { createHash } from "node:crypto";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import { schemaIntrospector } from "./introspector.ts";
import type { PostgresAnswer, PostgresClientLike, PostgresPoolLike, PostgresStatement } from "./pool.ts";

export interface DriverOptions {
  readonly pool: PostgresPoolLike;
  readonly schema: string;
  readonly prepare: boolean;
  readonly onQuery: ((sql: string) => void) | undefined;
}

export function postgresDialect(options: DriverOptions): Dialect {
  return {
    createDriver: () => postgresDriver(options),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => schemaIntrospector(db, options.schema),
    createAdapter: () => ({
      supportsMultipleConnections: true,
      supportsTransactionalDdl: true,
      supportsCreateIfNotExists: true,
      supportsReturning: true,
      // Migrations run in a transaction of their own, which holds the lock to its end.
      acquireMigrationLock: async () => {},
      releaseMigrationLock: async () => {},
    }),
  };
}

interface Connection extends DatabaseConnection {
  ask(sql: string, parameters: readonly unknown[]): Promise<PostgresAnswer>;
  /** Keeps the pool from handing the connection out again. */
  discard(reason: Error): void;
  release(): void;
}

function postgresDriver({ pool, prepare, onQuery }: DriverOptions): Driver {
  const nameOf = statementNames();
  const statementOf = (text: string, parameters: readonly unknown[]): PostgresStatement => {
    const values = [...parameters];
    // Statements with parameters are ours and few. Those without are run once, or have nothing to plan.
    return prepare && values.length > 0 ? { text, values, name: nameOf(text) } : { text, values };
  };

  return {
    init: async () => {},
    async acquireConnection() {
      const client = await pool.connect();
      return connectionOn(client, async (text, parameters) => {
        onQuery?.(text);
        return client.query(statementOf(text, parameters));
      });
    },
    async beginTransaction(connection: Connection) {
      await connection.ask("begin", []);
    },
    async commitTransaction(connection: Connection) {
      const { command } = await connection.ask("commit", []);
      if (command !== "COMMIT")
        throw new Error("PostgreSQL rolled the transaction back instead of committing it");
    },
    async rollbackTransaction(connection: Connection) {
      try {
        await connection.ask("rollback", []);
      } catch (error) {
        // Closing the connection rolls back as well, and why the transaction failed is what the caller must hear.
        connection.discard(error instanceof Error ? error : new Error(String(error)));
      }
    },
    releaseConnection: async (connection: Connection) => connection.release(),
    destroy: async () => {},
  };
}

function connectionOn(client: PostgresClientLike, ask: Connection["ask"]): Connection {
  let broken: Error | undefined;
  const discard = (reason: Error) => {
    broken ??= reason;
  };
  // While the client is ours nobody else listens, and an error that nobody listens to ends the process.
  client.on("error", discard);
  return {
    ask,
    discard,
    executeQuery: async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
      const { rows, rowCount } = await ask(sql, parameters);
      return { rows: asRows<Row>(rows), numAffectedRows: BigInt(rowCount ?? 0) };
    },
    async *streamQuery<Row>(query: CompiledQuery) {
      yield await this.executeQuery<Row>(query);
    },
    release() {
      client.removeListener("error", discard);
      client.release(broken);
    },
  };
}

/** A name for each text, the same in every process; hashed once. */
function statementNames(): (text: string) => string {
  const names = new Map<string, string>();
  return (text) => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = `strata_${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
    names.set(text, name);
    return name;
  };
}

/** The types of rows are what the query that asks for them says. */
function asRows<Row>(rows: unknown[]): Row[] {
  return rows as Row[];
}
