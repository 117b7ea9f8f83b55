import { escapeIdentifier } from "pg";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import type { StorageHarness } from "../../../lib/testing/index.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";
import { cutConnections } from "./cut-connections.ts";
import { queryFaults } from "./query-faults.ts";

export interface PostgresHarnessOptions {
  readonly name?: string;
  /** Whether a fault is a connection that the server ends; otherwise the storage is told of one. */
  readonly cut?: boolean;
}

/** A schema of its own for each storage, on the server of the test run. */
export function postgresHarness({
  name = "postgres",
  cut = false,
}: PostgresHarnessOptions = {}): StorageHarness {
  const faults = queryFaults();
  const opened: FlagStorage[] = [];
  const databases: TestDatabase[] = [];

  async function openOn({ pool, schema }: TestDatabase): Promise<FlagStorage> {
    const storage = await postgresStorage(
      cut ? { pool: cutConnections(pool, faults), schema } : { pool, schema, onQuery: faults.onQuery },
    );
    opened.push(storage);
    return storage;
  }

  function connect(schema?: string): TestDatabase {
    const database = openTestDatabase(schema);
    databases.push(database);
    return database;
  }

  function current(): TestDatabase {
    const database = databases.at(-1);
    if (database === undefined) throw new Error("Open a storage first.");
    return database;
  }

  return {
    name,
    queries: faults.queries,
    failOnQuery: faults.failOnQuery,
    open: () => openOn(connect()),
    reopen: () => openOn(current()),
    // Connections of its own, as another machine has them.
    another: () => openOn(connect(current().schema)),
    async refuseAudit(refuse) {
      const { pool, schema: name } = current();
      const schema = escapeIdentifier(name);
      await pool.query(
        refuse
          ? `create function ${schema}.refuse_audit() returns trigger language plpgsql
               as $$ begin raise exception 'the audit table takes no rows'; end $$;
             create trigger refuse_audit before insert on ${schema}.feature_flag_changes
               for each row execute function ${schema}.refuse_audit()`
          : `drop function ${schema}.refuse_audit cascade`,
      );
    },
    async rewriteAudit(how) {
      const { pool, schema } = current();
      const table = `${escapeIdentifier(schema)}.feature_flag_changes`;
      await pool.query(
        how === "update" ? `update ${table} set reason = 'rewritten'` : `delete from ${table}`,
      );
    },
    async close() {
      await Promise.all(opened.splice(0).map((storage) => storage.close()));
      for (const database of databases.splice(0).toReversed()) await database.close();
    },
    subscribes: true,
  };
}
