import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** The steps that walk a whole table where neither its order nor its index is what was asked for. */
function walks(steps: readonly string[]): string[] {
  const derived = steps.flatMap((step) => /^(?:CO-ROUTINE|MATERIALIZE) (\w+)$/.exec(step)?.[1] ?? []);
  return steps.filter((step) => {
    const table = /^SCAN (\w+)$/.exec(step)?.[1];
    // flag_state, which queries call s, has one row; the schema has a few.
    return table !== undefined && table !== "s" && table !== "sqlite_schema" && !derived.includes(table);
  });
}

it("no query searches a table without an index", async () => {
  const file = join(await temporaryDirectory(), "strata.db");
  const asked = new Set<string>();
  const storage = await sqliteStorage({ file });
  await storage.close();
  const watched = await sqliteStorage({ file, onQuery: (sql) => asked.add(sql) });
  const context = { customerId: "c", organizationId: "o" };
  await watched.registerCustomers([{ id: "c", organizationId: "o" }]);
  await watched.saveCustomerFlags("c", { a: 1 });
  await watched.saveOrganizationFlags("o", { a: 1 });
  await watched.writeOverride({
    tenant: { kind: "organization", id: "o" },
    withCustomers: true,
    changeId: "x",
    changedBy: "me",
    changedAt: 1,
    reason: "because",
    audit: "required",
    decide: () => undefined,
  });
  await watched.readTenant(context);
  await watched.getCustomerOverride("c");
  await watched.listOverrides({ after: { kind: "customer", id: "a" }, limit: 1 });
  await watched.readOverrides([
    { kind: "customer", id: "c" },
    { kind: "organization", id: "o" },
  ]);
  const place = { revision: 9, position: 0 };
  for (const tenant of [{ customerId: "c" }, { organizationId: "o" }, {}]) {
    for (const filter of [{}, { path: "a" }, { before: place }, { path: "a", before: place }]) {
      await watched.listChanges({ ...tenant, ...filter, limit: 1 });
    }
  }
  await watched.listChanges({ changeId: "x", limit: 1 });
  await watched.listChanges({ featureName: "f", before: place, limit: 1 });
  await watched.lastChanges(context);
  await watched.changesSince(0, 10);
  await watched.readState();
  await watched.listCustomers({ limit: 1, organizationId: "o", after: "a" });
  await watched.readCustomers(["c"]);
  await watched.findAdminKey("k");
  await watched.writeRollout({
    featureName: "f",
    changeId: "x",
    changedBy: "me",
    changedAt: 1,
    reason: "because",
    audit: "required",
    decide: () => ({ rollout: {}, path: "a", oldValue: undefined, newValue: 1 }),
  });
  const [featureName, timestamp] = ["f", 100_000];
  await watched.recordRolloutEvents([{ featureName, customerId: "c", event: "error", timestamp, tier: 0 }]);
  await watched.countRolloutEvents({ featureName, since: 1, until: 200_001 });
  await watched.expireRolloutEvents({ eventsBefore: 200_000, countsBefore: 200_000 });
  await watched.takeLease({ name: "l", holder: "a", now: 0, until: 1 });
  await watched.releaseLease("l", "a");
  await watched.close();

  using database = new DatabaseSync(file);
  const searches = [...asked].filter((sql) => /^(select|insert|update|delete)/.test(sql));
  expect(searches.length).toBeGreaterThan(20);
  for (const sql of searches) {
    const steps = database
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => String(detail));
    expect(walks(steps), `${sql}\n${steps.join("\n")}`).toEqual([]);
  }
});
