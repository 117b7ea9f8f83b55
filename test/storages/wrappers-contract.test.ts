import { silentLog } from "../../lib/feature-flags/core/clock.ts";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { instrumented } from "../../lib/storages/instrumented.ts";
import { readOnly } from "../../lib/storages/read-only.ts";
import { memoryHarness } from "./harnesses/memory.ts";
import { runContract } from "./harnesses/run-contract.ts";
import { sqliteHarness } from "./harnesses/sqlite.ts";

runContract(memoryHarness("memory, instrumented", watched));
runContract(sqliteHarness("sqlite, instrumented", watched));
runContract(memoryHarness("memory, read through read-only", readThroughReadOnly));

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
    writeRollout: storage.writeRollout,
    recordRolloutEvents: storage.recordRolloutEvents,
    expireRolloutEvents: storage.expireRolloutEvents,
    takeLease: storage.takeLease,
    releaseLease: storage.releaseLease,
    reportInstance: storage.reportInstance,
    removeInstances: storage.removeInstances,
    registerOrganizations: storage.registerOrganizations,
    registerCustomers: storage.registerCustomers,
    addFirstAdminKey: storage.addFirstAdminKey,
  };
}
