import { systemClock } from "../feature-flags/core/clock.ts";
import { FlagError, isFlagError } from "../feature-flags/core/errors.ts";
import type { FlagStorage } from "../feature-flags/core/storage.ts";
import type { Clock, Log } from "../feature-flags/core/types.ts";

/** The members of a storage that answer with a promise. */
export type StorageOperation = Exclude<keyof FlagStorage, "kind" | "subscribe" | "feedMode">;

/** One call of one operation, over. */
export interface StorageCall {
  readonly operation: StorageOperation;
  readonly milliseconds: number;
  /** Why it failed; undefined where it did not. */
  readonly error: FlagError | undefined;
}

/**
 * The same storage, with every operation told to `observe` once it is over. Answers and errors pass through as
 * they are; what `observe` throws goes to `log` and changes nothing for the caller.
 *
 * @example
 * const storage = instrumented(memoryStorage(), (call) => histogram.record(call.milliseconds, call), console);
 */
export function instrumented(
  storage: FlagStorage,
  observe: (call: StorageCall) => void,
  log: Log,
  clock: Clock = systemClock,
): FlagStorage {
  function report(call: StorageCall): void {
    try {
      observe(call);
    } catch (error) {
      log.error({ error, operation: call.operation }, "The observer of storage calls threw.");
    }
  }

  function observed<Args extends readonly unknown[], Answer>(
    operation: StorageOperation,
    run: (...args: Args) => Promise<Answer>,
  ): (...args: Args) => Promise<Answer> {
    return async (...args) => {
      const start = clock.now();
      let error: FlagError | undefined;
      try {
        return await run(...args);
      } catch (thrown) {
        error = asFlagError(thrown);
        throw thrown;
      } finally {
        report({ operation, milliseconds: clock.now() - start, error });
      }
    };
  }

  return Object.freeze({
    ...storage,
    readTenant: observed("readTenant", storage.readTenant),
    writeOverride: observed("writeOverride", storage.writeOverride),
    getCustomerOverride: observed("getCustomerOverride", storage.getCustomerOverride),
    getOrganizationOverride: observed("getOrganizationOverride", storage.getOrganizationOverride),
    saveCustomerFlags: observed("saveCustomerFlags", storage.saveCustomerFlags),
    saveOrganizationFlags: observed("saveOrganizationFlags", storage.saveOrganizationFlags),
    listOverrides: observed("listOverrides", storage.listOverrides),
    readOverrides: observed("readOverrides", storage.readOverrides),
    listChanges: observed("listChanges", storage.listChanges),
    lastChanges: observed("lastChanges", storage.lastChanges),
    retryAudit: observed("retryAudit", storage.retryAudit),
    readState: observed("readState", storage.readState),
    changesSince: observed("changesSince", storage.changesSince),
    listRollouts: observed("listRollouts", storage.listRollouts),
    writeRollout: observed("writeRollout", storage.writeRollout),
    recordRolloutEvents: observed("recordRolloutEvents", storage.recordRolloutEvents),
    countRolloutEvents: observed("countRolloutEvents", storage.countRolloutEvents),
    expireRolloutEvents: observed("expireRolloutEvents", storage.expireRolloutEvents),
    takeLease: observed("takeLease", storage.takeLease),
    releaseLease: observed("releaseLease", storage.releaseLease),
    reportInstance: observed("reportInstance", storage.reportInstance),
    listInstances: observed("listInstances", storage.listInstances),
    removeInstances: observed("removeInstances", storage.removeInstances),
    registerOrganizations: observed("registerOrganizations", storage.registerOrganizations),
    registerCustomers: observed("registerCustomers", storage.registerCustomers),
    listOrganizations: observed("listOrganizations", storage.listOrganizations),
    listCustomers: observed("listCustomers", storage.listCustomers),
    readCustomers: observed("readCustomers", storage.readCustomers),
    countTenants: observed("countTenants", storage.countTenants),
    findAdminKey: observed("findAdminKey", storage.findAdminKey),
    addFirstAdminKey: observed("addFirstAdminKey", storage.addFirstAdminKey),
    close: observed("close", storage.close),
  });
}

// Storages reject with FlagErrors; anything else was thrown by the caller's own `decide`, or is a bug.
function asFlagError(thrown: unknown): FlagError {
  if (isFlagError(thrown)) return thrown;
  return new FlagError("INTERNAL", "Something other than a FlagError was thrown.", { cause: thrown });
}
