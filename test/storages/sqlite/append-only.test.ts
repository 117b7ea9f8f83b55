import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

it.each([
  "update feature_flag_changes set reason = 'other'",
  "delete from feature_flag_changes",
  "insert or replace into feature_flag_changes select * from feature_flag_changes",
  "update or replace feature_flag_changes set revision = 7",
])("the file itself refuses to rewrite the audit trail by: %s", async (statement) => {
  const file = join(await temporaryDirectory(), "strata.db");
  const storage = await sqliteStorage({ file });
  await storage.saveCustomerFlags("c", { a: 1 });
  const before = await storage.listChanges({ limit: 10 });
  using database = new DatabaseSync(file);
  // As other programs have it: replacing then asks no delete trigger.
  database.exec("pragma recursive_triggers = off");
  expect(() => database.exec(statement)).toThrow(/append-only/);
  expect(await storage.listChanges({ limit: 10 })).toEqual(before);
  await storage.close();
});
