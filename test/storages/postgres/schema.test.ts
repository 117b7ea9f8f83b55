import { describe, expect, it, onTestFinished } from "vitest";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";

function database(schema?: string): TestDatabase {
  const opened = openTestDatabase(schema);
  onTestFinished(() => opened.close());
  return opened;
}

describe("the schema of a PostgreSQL storage", () => {
  it.each([
    `quoted "name"`,
    `x"; drop schema public cascade; --`,
    "select",
    "it's $1 %s ? \\ {}",
    "Grüße 東京 😀",
    "a.b",
    "n".repeat(63),
  ])("may be called %s", async (name) => {
    const { pool, schema } = database(name);
    const storage = await postgresStorage({ pool, schema });
    await storage.registerCustomers([{ id: "c", organizationId: "o", name: "C" }]);
    await storage.saveOrganizationFlags("o", { a: 1 });
    expect(await storage.readTenant({ customerId: "c" })).toMatchObject({
      organization: { flags: { a: 1 } },
      organizationId: "o",
      revision: 2,
    });
    expect(await storage.listChanges({ limit: 10 })).toHaveLength(1);
    await storage.close();
    const { rows } = await pool.query(
      "select count(*)::int as tables from pg_tables where schemaname = $1 and tablename = 'flag_state'",
      [name],
    );
    expect(rows).toEqual([{ tables: 1 }]);
  });

  it.each(["", "n".repeat(64), "ü".repeat(32), "a\u0000b"])("may not be called %j", async (schema) => {
    const { pool } = database();
    await expect(postgresStorage({ pool, schema })).rejects.toMatchObject({ code: "INVALID_ID" });
  });

  it("keeps its storage apart from those of other schemas", async () => {
    const [one, other] = [database(), database()];
    const first = await postgresStorage(one);
    const second = await postgresStorage(other);
    await Promise.all([first.saveCustomerFlags("c", { a: 1 }), second.saveCustomerFlags("c", { a: 2 })]);
    expect((await first.getCustomerOverride("c"))?.flags).toEqual({ a: 1 });
    expect((await second.getCustomerOverride("c"))?.flags).toEqual({ a: 2 });
    expect(await second.readState()).toMatchObject({ revision: 1 });
    expect((await first.readState()).epoch).not.toBe((await second.readState()).epoch);
  });

  it.each([
    "update feature_flag_changes set reason = 'other'",
    "delete from feature_flag_changes",
    "truncate feature_flag_changes",
    "truncate feature_flag_changes, customers cascade",
  ])("refuses to rewrite the audit trail by: %s", async (statement) => {
    const { pool, schema } = database();
    const storage = await postgresStorage({ pool, schema });
    await storage.saveCustomerFlags("c", { a: 1 });
    const before = await storage.listChanges({ limit: 10 });
    await expect(pool.query(`set search_path to ${schema}; ${statement}`)).rejects.toThrow(/append-only/);
    expect(await storage.listChanges({ limit: 10 })).toEqual(before);
  });
});
