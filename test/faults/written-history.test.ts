import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";
import type { AcknowledgedWrite } from "./acknowledged-write.ts";
import { contradictions, lostWrites, readHistory } from "./written-history.ts";

let directory: string;
let acknowledged: AcknowledgedWrite[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "strata-history-"));
  acknowledged = await threeWrites();
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test("a history in which nothing is missing has nothing lost and nothing wrong", async () => {
  expect(await judged()).toEqual({ lost: [], problems: [] });
});

test.each([
  ["the override", "delete from customer_feature_flags", [1, 3]],
  ["the last version of an override", "update customer_feature_flags set version = 1", [3]],
  ["a line of the audit", "delete from feature_flag_changes where revision = 3 and position = 1", [3]],
  ["an entry of the feed", "delete from flag_revisions where revision = 1", [1]],
  ["what was set", "update feature_flag_changes set new_override = 'false' where revision = 1", [1]],
])("without %s an acknowledged write counts as lost", async (_, sql, lost) => {
  pastTheStorage(sql);
  expect((await judged()).lost).toEqual(lost);
});

test.each([
  ["a row that is not what the audit says", "update organization_feature_flags set flags = '{}'"],
  ["a revision beyond the feed", "update flag_state set revision = 4"],
  ["an audit without its feed entry", "delete from flag_revisions where revision = 3"],
  ["an audit of another tenant", "update feature_flag_changes set customer_id = 'other' where revision = 1"],
])("%s contradicts itself", async (_, sql) => {
  pastTheStorage(sql);
  expect((await judged()).problems).not.toEqual([]);
});

async function threeWrites(): Promise<AcknowledgedWrite[]> {
  const storage = await sqliteStorage({ file: join(directory, "strata.db") });
  const manager = new FeatureFlagManager({ storage, environment: "production" });
  const writes: AcknowledgedWrite[] = [];
  for (const [kind, id, set] of [
    ["customer", "cust_1", { "experimental.voiceInput": true }],
    ["organization", "org_1", { "experimental.voiceInput": true }],
    ["customer", "cust_1", { "experimental.voiceInput": false, "experimental.customThemes": true }],
  ] as const) {
    const tenant = { kind, id };
    const { version, revision = 0, changeId = "", changes } = await manager.updateOverride(tenant, { set });
    const leaves = changes.map(({ path, newOverride = null }) => ({ path, newOverride }));
    writes.push({ tenant, version, revision, changeId, changes: leaves });
  }
  await manager.close();
  await storage.close();
  return writes;
}

async function judged(): Promise<{ lost: readonly number[]; problems: readonly string[] }> {
  const storage = await sqliteStorage({ file: join(directory, "strata.db") });
  const history = await readHistory(storage);
  await storage.close();
  const lost = lostWrites(history, acknowledged).map((write) => write.revision);
  return { lost, problems: contradictions(history) };
}

function pastTheStorage(sql: string): void {
  const database = new DatabaseSync(join(directory, "strata.db"));
  database.exec("drop trigger feature_flag_changes_no_update; drop trigger feature_flag_changes_no_delete");
  database.exec(sql);
  database.close();
}
