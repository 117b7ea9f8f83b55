import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { RolloutWrite } from "../../../lib/feature-flags/core/storage.ts";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { openTestDatabase } from "../../postgres-database.ts";
import { takenBackTo } from "../taken-back.ts";
import { engines, type SqlDatabase } from "./databases.ts";

const ROLLOUT: RolloutWrite = {
  featureName: "one",
  changeId: "x",
  changedBy: "ada",
  changedAt: 1,
  reason: "why",
  audit: "required",
  decide: () => ({ rollout: { n: 1 }, path: "beta", oldValue: undefined, newValue: 1 }),
};

describe.each(engines)("the migration to rollouts on $name", ({ name, create }) => {
  let database: SqlDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database.remove());

  const takeBack = () =>
    database.run(takenBackTo("0002-instances", name === "SQLite" ? "sqlite" : "postgres"));

  it("keeps every row of the audit trail and of the feed, and what is kept aside", async () => {
    const before = await database.open();
    for (let n = 0; n < 30; n += 1) {
      await before.saveCustomerFlags(`cust_${n % 3}`, { beta: n, note: n % 2 === 0 ? null : "x" });
      await before.saveOrganizationFlags(`org_${n % 2}`, { beta: [n] }, "ada");
    }
    await before.registerCustomers([{ id: "a" }, { id: "b" }]);
    const trail = await before.listChanges({ limit: 1_000 });
    const feed = await before.changesSince(0, 1_000);
    await before.close();
    await takeBack();
    await database.run(`insert into pending_flag_changes
      select revision + 1000, position, 'kept', customer_id, organization_id, flag_path, old_value, new_value,
        old_override, new_override, changed_by, on_behalf_of, changed_at, reason
      from feature_flag_changes where revision = 1`);
    await expect(database.open({ migrate: false })).rejects.toMatchObject({ code: "SCHEMA_OUTDATED" });

    const storage = await database.open();
    expect(trail).toHaveLength(90);
    expect(await storage.listChanges({ limit: 1_000 })).toEqual(trail);
    expect(await storage.changesSince(0, 1_000)).toEqual(feed);
    expect(await storage.listRollouts()).toEqual({ epoch: feed.epoch, revision: 0, rollouts: [] });
    expect((await storage.readTenant({ customerId: "cust_1" })).rollouts).toBe(0);
    expect(await storage.retryAudit()).toBe(0);
    const kept = await storage.listChanges({ changeId: "kept", limit: 10 });
    expect(kept.map(({ revision, position }) => [revision, position])).toEqual([
      [1001, 1],
      [1001, 0],
    ]);
  });

  it("leaves the audit trail append-only, and takes rows of rollouts alone without a tenant", async () => {
    const before = await database.open();
    await before.saveCustomerFlags("c", { beta: true });
    await before.close();
    await takeBack();
    const storage = await database.open();
    await storage.writeRollout(ROLLOUT);
    const trail = await storage.listChanges({ limit: 10 });
    expect(trail.map(({ featureName, customerId }) => [featureName, customerId])).toEqual([
      ["one", undefined],
      [undefined, "c"],
    ]);
    for (const rewritten of [
      "update feature_flag_changes set reason = 'x'",
      "delete from feature_flag_changes",
    ]) {
      await expect(database.run(rewritten)).rejects.toThrow(/append-only/);
    }
    const about = (table: string, tenants: string) =>
      database.run(`insert into ${table} (revision, position, change_id, flag_path, changed_at, feature_name,
        customer_id, organization_id) select 50, 0, 'x', 'beta', changed_at, ${tenants}
        from feature_flag_changes where revision = 1`);
    for (const table of ["feature_flag_changes", "pending_flag_changes"]) {
      for (const tenants of ["null, null, null", "null, 'c', 'o'", "'one', 'c', 'o'"]) {
        await expect(about(table, tenants)).rejects.toThrow(/check/i);
      }
    }
    await expect(
      database.run("insert into flag_revisions (revision, place, scope, id) values (9, 0, 'other', 'x')"),
    ).rejects.toThrow(/check/i);
    expect(await storage.listChanges({ limit: 10 })).toEqual(trail);
  });
});

it("the migration to rollouts reads no row of a large table on PostgreSQL to check what held before", async () => {
  const { pool, schema, close } = openTestDatabase();
  onTestFinished(close);
  const storage = await postgresStorage({ pool, schema });
  const { rows } = await pool.query(
    `select conname from pg_constraint where connamespace = $1::regnamespace and not convalidated order by 1`,
    [schema],
  );
  expect(rows.map(({ conname }) => conname)).toEqual([
    "feature_flag_changes_check",
    "flag_revisions_scope_check",
    "pending_flag_changes_check",
  ]);
  await storage.close();
});
