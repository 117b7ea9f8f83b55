import { silentLog, systemClock } from "../../feature-flags/core/clock.ts";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import type { Clock, Log } from "../../feature-flags/core/types.ts";
import { createListeners } from "../listeners.ts";
import { saveFlags } from "../save-flags.ts";
import { shelteredLog } from "../sheltered-log.ts";
import { addFirstAdminKey, findAdminKey } from "./admin-keys.ts";
import { lastChanges, listChanges } from "./audit-reading.ts";
import {
  countTenants,
  listCustomers,
  listOrganizations,
  readCustomers,
  registerCustomers,
  registerOrganizations,
} from "./directory.ts";
import { listInstances, removeInstances, reportInstance } from "./instances.ts";
import { releaseLease, takeLease } from "./leases.ts";
import { listOverrides, readOverrides, readTenant } from "./override-reading.ts";
import { writeOverride } from "./override-writing.ts";
import { countRolloutEvents, expireRolloutEvents, recordRolloutEvents } from "./rollout-events.ts";
import { listRollouts, writeRollout } from "./rollouts.ts";
import { createTables, currentRevision, type MemoryTables } from "./tables.ts";

export interface MemoryStorageOptions {
  readonly clock?: Clock;
  /** Where a subscriber that throws is reported: it cannot undo the commit it was told of. */
  readonly log?: Log;
  /** The name of this set of data; random unless given. */
  readonly epoch?: string;
}

/**
 * Storage in the memory of this process, for tests and for reading what the contract means: maps and arrays
 * of frozen rows. It ends with the process; `close` ends it earlier.
 *
 * @example
 * const manager = new FeatureFlagManager({ definition, storage: memoryStorage() });
 */
export function memoryStorage(options: MemoryStorageOptions = {}): FlagStorage {
  const { clock = systemClock, log = silentLog, epoch = crypto.randomUUID() } = options;
  const tables = createTables(epoch);
  // Microtasks, which every runtime has: only this process commits, one operation at a time.
  const listeners = createListeners({ log: shelteredLog(log), later: queueMicrotask });
  let closed = false;

  /** An operation runs in one go, so that none sees another half done; what commits is told of afterwards. */
  function operation<Args extends readonly unknown[], Answer>(
    run: (tables: MemoryTables, ...args: Args) => Answer,
  ): (...args: Args) => Promise<Answer> {
    return async (...args) => {
      if (closed) throw new FlagError("CLOSED", "This memory storage is closed: open another one.");
      const before = currentRevision(tables);
      const answer = run(tables, ...args);
      if (currentRevision(tables) !== before) listeners.tell();
      return answer;
    };
  }

  const write = operation(writeOverride);
  return Object.freeze({
    kind: "memory",
    readTenant: operation(readTenant),
    writeOverride: write,
    getCustomerOverride: operation((_, id: string) => tables.overrides.customer.get(id)),
    getOrganizationOverride: operation((_, id: string) => tables.overrides.organization.get(id)),
    saveCustomerFlags: (id, flags, changedBy) =>
      saveFlags(write, clock, { kind: "customer", id }, flags, changedBy),
    saveOrganizationFlags: (id, flags, changedBy) =>
      saveFlags(write, clock, { kind: "organization", id }, flags, changedBy),
    listOverrides: operation(listOverrides),
    readOverrides: operation(readOverrides),
    listChanges: operation(listChanges),
    lastChanges: operation(lastChanges),
    // Memory never refuses an audit row, so none is ever kept aside.
    retryAudit: operation(() => 0),
    readState: operation(() => ({ epoch, revision: currentRevision(tables) })),
    changesSince: operation((_, revision: number, limit: number) => ({
      epoch,
      revision: currentRevision(tables),
      events: tables.feed.slice(Math.max(revision, 0), Math.max(revision, 0) + limit),
    })),
    subscribe: (listener) => listeners.add(listener),
    listRollouts: operation(listRollouts),
    writeRollout: operation(writeRollout),
    recordRolloutEvents: operation(recordRolloutEvents),
    countRolloutEvents: operation(countRolloutEvents),
    expireRolloutEvents: operation(expireRolloutEvents),
    takeLease: operation(takeLease),
    releaseLease: operation(releaseLease),
    reportInstance: operation(reportInstance),
    listInstances: operation(listInstances),
    removeInstances: operation(removeInstances),
    registerOrganizations: operation(registerOrganizations),
    registerCustomers: operation(registerCustomers),
    listOrganizations: operation(listOrganizations),
    listCustomers: operation(listCustomers),
    readCustomers: operation(readCustomers),
    countTenants: operation(countTenants),
    findAdminKey: operation(findAdminKey),
    addFirstAdminKey: operation(addFirstAdminKey),
    async close() {
      closed = true;
      listeners.close();
    },
  } satisfies FlagStorage);
}
