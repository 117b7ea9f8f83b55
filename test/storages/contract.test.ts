import { describe, it } from "vitest";
import { silentLog } from "../../lib/feature-flags/core/clock.ts";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { instrumented } from "../../lib/storages/instrumented.ts";
import { readOnly } from "../../lib/storages/read-only.ts";
import { casesFor, type StorageHarness } from "../../lib/testing/index.ts";
import { memoryHarness } from "./harnesses/memory.ts";
import { sqliteHarness } from "./harnesses/sqlite.ts";

const harnesses: readonly StorageHarness[] = [
  memoryHarness(),
  sqliteHarness(),
  memoryHarness("memory, instrumented", watched),
  sqliteHarness("sqlite, instrumented", watched),
  memoryHarness("memory, read through read-only", readThroughReadOnly),
  sqliteHarness("sqlite, read through read-only", readThroughReadOnly),
];

for (const harness of harnesses) {
  describe(`the storage contract on ${harness.name}`, () => {
    for (const { topic, name, run } of casesFor(harness)) it(`${topic}: ${name}`, () => run(harness));
  });
}

function watched(storage: FlagStorage): FlagStorage {
  return instrumented(storage, () => undefined, silentLog);
}

/** What a read-only storage refuses goes past it, so that there is something to read. */
function readThroughReadOnly(storage: FlagStorage): FlagStorage {
  return {
    ...readOnly(storage),
    writeOverride: storage.writeOverride,
    saveCustomerFlags: storage.saveCustomerFlags,
    saveOrganizationFlags: storage.saveOrganizationFlags,
    retryAudit: storage.retryAudit,
    registerOrganizations: storage.registerOrganizations,
    registerCustomers: storage.registerCustomers,
    addFirstAdminKey: storage.addFirstAdminKey,
  };
}
