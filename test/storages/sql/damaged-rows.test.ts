import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { engines, type SqlDatabase } from "./databases.ts";

describe.each(engines)("rows changed by hand on $name", ({ name, create }) => {
  let database: SqlDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database.remove());

  async function twoTenants() {
    const storage = await database.open();
    await storage.saveCustomerFlags("bad", { a: true });
    await storage.saveCustomerFlags("good", { a: true });
    return storage;
  }

  async function twoRollouts() {
    const storage = await database.open();
    await writeRollout(storage, "bad");
    await writeRollout(storage, "good");
    return storage;
  }

  const damages: [string, string, Record<string, unknown>][] = [
    ["a number for flags", "flags = '5'", { flags: 5 }],
    ["JSON null for flags", "flags = 'null'", { flags: null }],
    ["an array for flags", "flags = '[1]'", { flags: [1] }],
    ["a negative version", "version = -3", { version: -3 }],
    ["a version beyond counting", "version = 9223372036854775807", { version: 0 }],
    ["a revision beyond counting", "revision = -9223372036854775807", { revision: 0 }],
    ["a nobody as the writer", "updated_by = null", { updatedBy: undefined }],
  ];
  if (name === "SQLite") {
    damages.push(
      ["flags that are no JSON", "flags = '{\"a\":'", { flags: '{"a":' }],
      ["no flags at all", "flags = ''", { flags: "" }],
      ["a time beyond counting", "updated_at = 9223372036854775807", { updatedAt: 0 }],
    );
  } else {
    damages.push(
      ["the end of time", "updated_at = 'infinity'", { updatedAt: 0 }],
      ["the time before time", "updated_at = '-infinity'", { updatedAt: 0 }],
    );
  }

  it.each(damages)("hands out %s as it is, and the other rows as ever", async (_, damage, expected) => {
    const storage = await twoTenants();
    const good = (await storage.readTenant({ customerId: "good" })).customer;
    await database.run(`update customer_feature_flags set ${damage} where customer_id = 'bad'`);

    expect((await storage.readTenant({ customerId: "bad" })).customer).toMatchObject(expected);
    expect(await storage.getCustomerOverride("bad")).toMatchObject(expected);
    const { overrides } = await storage.listOverrides({ limit: 10 });
    expect(overrides).toMatchObject([{ ...expected, tenant: { id: "bad" } }, { tenant: { id: "good" } }]);
    expect(overrides[1]).toEqual({ ...good, tenant: { kind: "customer", id: "good" } });
    const read = await storage.readOverrides([
      { kind: "customer", id: "bad" },
      { kind: "customer", id: "good" },
    ]);
    expect(read.map(({ tenant }) => tenant.id).sort()).toEqual(["bad", "good"]);
  });

  it.each(["9223372036854775807", "9007199254740991", "3", "-1"])(
    "leaves out an entry of the feed whose revision is %s, which nobody has reached or has yet to read",
    async (revision) => {
      const storage = await twoTenants();
      await database.run(`update flag_revisions set revision = ${revision} where revision = 1`);
      const page = await storage.changesSince(0, 10);
      expect(page).toMatchObject({ revision: 2, events: [{ revision: 2, id: "good" }] });
    },
  );

  it("writes a sound override over damaged flags", async () => {
    const storage = await twoTenants();
    await database.run("update customer_feature_flags set flags = '[]' where customer_id = 'bad'");
    const { version } = await storage.saveCustomerFlags("bad", { b: 1 });
    expect(await storage.getCustomerOverride("bad")).toMatchObject({ flags: { b: 1 }, version });
  });

  it("answers without the row that says where storage stands, and refuses to write", async () => {
    const storage = await twoTenants();
    await database.run("delete from flag_state");
    expect(await storage.readTenant({ customerId: "good" })).toMatchObject({
      customer: { flags: { a: true } },
      revision: 0,
      epoch: "",
    });
    await expect(storage.saveCustomerFlags("good", { a: false })).rejects.toMatchObject({
      code: "STORAGE_CORRUPT",
    });
    expect((await storage.getCustomerOverride("good"))?.flags).toEqual({ a: true });
  });

  it("lists a directory entry without the attributes that cannot be read", async () => {
    const storage = await database.open();
    await storage.registerCustomers([{ id: "c", name: "C", attributes: { size: 3 } }]);
    await database.run("update customers set attributes = '[7]'");
    expect(await storage.listCustomers({ limit: 10 })).toEqual([{ id: "c", name: "C" }]);
  });

  it.each([
    ["a number for a rollout", "rollout = '5'", { rollout: 5 }],
    ["JSON null for a rollout", "rollout = 'null'", { rollout: null }],
    ["a version beyond counting", "version = 9223372036854775807", { version: 0 }],
    ["a nobody as the writer", "updated_by = null", { updatedBy: undefined }],
  ])("lists %s as it is, and the other rollouts as ever", async (_, damage, expected) => {
    const storage = await twoRollouts();
    await database.run(`update feature_rollouts set ${damage} where feature_name = 'bad'`);
    const { rollouts } = await storage.listRollouts();
    expect(rollouts).toMatchObject([expected, { featureName: "good", rollout: { n: 1 }, version: 1 }]);
  });

  it("lists and counts without the row that says where storage stands, and refuses to write", async () => {
    const storage = await twoRollouts();
    await database.run("delete from flag_state");
    const list = await storage.listRollouts();
    expect(list).toMatchObject({ epoch: "", revision: 0, rollouts: [{ version: 1 }, { version: 1 }] });
    const event = { featureName: "good", customerId: "c", event: "error", timestamp: 1, tier: 0 } as const;
    expect(await storage.recordRolloutEvents([event])).toBe(1);
    expect(await storage.countRolloutEvents({ featureName: "good", since: 0, until: 60_000 })).toEqual([
      { minute: 0, tier: 0, event: "error", count: 1 },
    ]);
    await expect(writeRollout(storage, "good")).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
    expect(await storage.listRollouts()).toEqual(list);
  });

  it("counts no event of a kind there is not", async () => {
    const storage = await twoRollouts();
    await database.run("insert into rollout_counts values ('good', 60000, 0, 'other', 7)");
    await database.run("insert into rollout_counts values ('good', 60000, 0, 'error', 2)");
    expect(await storage.countRolloutEvents({ featureName: "good", since: 0, until: 120_000 })).toEqual([
      { minute: 60_000, tier: 0, event: "error", count: 2 },
    ]);
  });

  it("keeps an inherited value apart from the value null in the audit trail", async () => {
    const storage = await database.open();
    await storage.saveCustomerFlags("c", { note: null });
    await storage.saveCustomerFlags("c", { note: 1 });
    const [second, first] = await storage.listChanges({ customerId: "c", limit: 10 });
    expect([first?.oldOverride, first?.newOverride]).toEqual([undefined, null]);
    expect([second?.oldOverride, second?.newOverride]).toEqual([null, 1]);
  });
});

function writeRollout(storage: FlagStorage, featureName: string) {
  return storage.writeRollout({
    featureName,
    changeId: "x",
    changedBy: "ada",
    changedAt: 1,
    reason: "why",
    audit: "required",
    decide: () => ({ rollout: { n: 1 }, path: "beta", oldValue: undefined, newValue: 1 }),
  });
}
