import { FlagError } from "../feature-flags/core/errors.ts";
import type { FlagStorage } from "../feature-flags/core/storage.ts";

/**
 * The same storage with every write refused as READ_ONLY; reading, subscribing and closing pass through.
 *
 * @example
 * const storage = readOnly(await sqliteStorage({ file: "strata.db" }));
 * await storage.saveCustomerFlags("cust_1", { beta: true }); // rejects: READ_ONLY
 */
export function readOnly(storage: FlagStorage): FlagStorage {
  return Object.freeze({
    ...storage,
    writeOverride: refuse,
    saveCustomerFlags: refuse,
    saveOrganizationFlags: refuse,
    retryAudit: refuse,
    writeRollout: refuse,
    recordRolloutEvents: refuse,
    expireRolloutEvents: refuse,
    takeLease: refuse,
    releaseLease: refuse,
    reportInstance: refuse,
    removeInstances: refuse,
    registerOrganizations: refuse,
    registerCustomers: refuse,
    addFirstAdminKey: refuse,
  });
}

async function refuse(): Promise<never> {
  throw new FlagError("READ_ONLY", "This storage is opened for reading only: write through another one.");
}
