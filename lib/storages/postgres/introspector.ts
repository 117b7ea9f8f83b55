import { type DatabaseIntrospector, type Kysely, sql } from "kysely";

/**
 * What the Migrator asks for: which schemas there are, and which tables ours holds. Kysely's own introspector walks
 * every table of the database, and fails when another session drops one meanwhile.
 */
export function schemaIntrospector(db: Kysely<unknown>, schema: string): DatabaseIntrospector {
  return {
    async getSchemas() {
      const { rows } = await sql<{ name: string }>`
        select nspname as name from pg_catalog.pg_namespace where nspname = ${schema}`.execute(db);
      return rows;
    },
    async getTables() {
      const { rows } = await sql<{ name: string }>`
        select relname as name from pg_catalog.pg_class join pg_catalog.pg_namespace n on n.oid = relnamespace
        where nspname = ${schema} and relkind in ('r', 'p')`.execute(db);
      return rows.map(({ name }) => ({ name, schema, isView: false, isForeign: false, columns: [] }));
    },
  };
}
