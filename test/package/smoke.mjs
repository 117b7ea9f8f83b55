// Run inside a project that has the packed package installed, on the oldest supported Node too. Plain JavaScript,
// because that is what such a project may be.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineFlags, FeatureFlagManager, getFeatureFlagManager, isFlagError } from "strata-flags";
import { chatWidgetFlags } from "strata-flags/chat-widget";
import { memoryStorage } from "strata-flags/storages/memory";
import { readOnly } from "strata-flags/storages/read-only";
import { sqliteStorage } from "strata-flags/storages/sqlite";

const folder = mkdtempSync(join(tmpdir(), "strata-smoke-"));
process.chdir(folder);
try {
  await usageExample();
  await ownDefinition(memoryStorage());
  await ownDefinition(await sqliteStorage({ file: join(folder, "own.db") }));
  await survivesReopening();
  await refusesWrites();
  console.log(`smoke passed on Node ${process.versions.node}`);
} finally {
  process.chdir(tmpdir());
  rmSync(folder, { recursive: true, force: true });
}

async function usageExample() {
  const manager = getFeatureFlagManager();
  const before = await manager.getFlags({ customerId: "cust_123", organizationId: "org_456" });
  assert.equal(before.source, "environment");
  assert.equal(before.error, undefined);
  assert.equal(before.config.sessionPersistence.phase2.enhancedStorage, true);
  assert.equal(typeof before.evaluatedAt, "number");

  await manager.setCustomerFlags(
    "cust_123",
    { sessionPersistence: { phase2: { offlineMode: false } } },
    "admin_user_id",
    "Switching offline mode off for the pilot",
  );
  const after = await manager.getFlags({ customerId: "cust_123", organizationId: "org_456" });
  assert.equal(after.source, "customer_override");
  assert.equal(after.config.sessionPersistence.phase2.offlineMode, false);
  assert.equal(after.sourceOf("sessionPersistence.phase2.offlineMode"), "customer_override");
  await manager.close();
}

async function ownDefinition(storage) {
  const flags = defineFlags({
    defaults: { limits: { maxSeats: 5 }, theme: "light" },
    environments: { staging: { theme: "dark" } },
  });
  const manager = new FeatureFlagManager({ definition: flags, storage, environment: "staging" });
  await manager.setOrganizationFlags("org_1", { limits: { maxSeats: 50 } }, "ada", "Bought fifty seats");
  await manager.setCustomerFlags("cust_1", { theme: "contrast" }, "ada", "Asked for it");
  const { config, source } = await manager.getFlags({ customerId: "cust_1", organizationId: "org_1" });
  assert.deepEqual(config, { limits: { maxSeats: 50 }, theme: "contrast" });
  assert.equal(source, "customer_override");
  await assert.rejects(manager.setCustomerFlags("cust_1", { limits: { maxSeat: 1 } }), (error) =>
    isFlagError(error, "UNKNOWN_PATH"),
  );
  await manager.close();
  await storage.close();
}

async function survivesReopening() {
  const file = join(folder, "reopened.db");
  const open = () => sqliteStorage({ file });
  const first = new FeatureFlagManager({ definition: chatWidgetFlags, storage: open });
  await first.setCustomerFlags("cust_9", { experimental: { customThemes: true } }, "ada", "Pilot");
  await first.close();
  const second = new FeatureFlagManager({ definition: chatWidgetFlags, storage: open });
  const { config } = await second.getFlags({ customerId: "cust_9" });
  assert.equal(config.experimental.customThemes, true);
  await second.close();
}

async function refusesWrites() {
  const manager = new FeatureFlagManager({ storage: readOnly(memoryStorage()) });
  await assert.rejects(manager.setCustomerFlags("cust_1", { experimental: { voiceInput: true } }), (error) =>
    isFlagError(error, "READ_ONLY"),
  );
  await manager.close();
}
