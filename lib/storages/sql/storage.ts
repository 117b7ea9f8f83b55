import { FlagError } from "../../feature-flags/core/errors.ts";
import type {
  FlagStorage,
  OverrideWrite,
  OverrideWritten,
  RolloutWrite,
  RolloutWritten,
  TenantRecord,
} from "../../feature-flags/core/storage.ts";
import type { Clock, TenantContext } from "../../feature-flags/core/types.ts";
import { saveFlags } from "../save-flags.ts";
import { addFirstAdminKey, findAdminKey } from "./admin-keys.ts";
import { retryAudit } from "./audit-rows.ts";
import { lastChanges, listChanges } from "./changes.ts";
import {
  countTenants,
  listCustomers,
  listOrganizations,
  readCustomers,
  registerCustomers,
  registerOrganizations,
} from "./directory.ts";
import type { SqlEngine } from "./engine.ts";
import { changesSince, readState } from "./feed.ts";
import { listInstances, removeInstances, reportInstance } from "./instances.ts";
import { releaseLease, takeLease } from "./leases.ts";
import { getOverride, listOverrides, readOverrides } from "./overrides.ts";
import { createTenantReader } from "./read-tenant.ts";
import { countRolloutEvents, recordRolloutEvents } from "./rollout-events.ts";
import { expireRolloutEvents } from "./rollout-expiry.ts";
import { listRollouts, writeRollout } from "./rollouts.ts";
import { writeOverride } from "./write-override.ts";

/** The storage contract over any engine: what is done here is guarding, and the one read that a replica answers. */
export function sqlStorage(engine: SqlEngine, clock: Clock): FlagStorage {
  const { reads, replica, words } = engine;
  const readRecord = createTenantReader(reads, words);
  /** The newest revision this storage has answered with. */
  let seen = -1;
  let closing: Promise<void> | undefined;

  const running = new Set<Promise<unknown>>();

  async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (closing !== undefined) throw new FlagError("CLOSED", `${engine.name} is closed: open it again.`);
    const answer = work();
    running.add(answer);
    try {
      return await answer;
    } catch (error) {
      throw engine.asFlagError(error, doing);
    } finally {
      running.delete(answer);
    }
  }

  /** What was asked before is answered before. */
  async function end(): Promise<void> {
    await Promise.allSettled(running);
    await engine.close();
  }

  function noted<T extends { readonly revision: number | undefined }>(answer: T): T {
    seen = Math.max(seen, answer.revision ?? -1);
    return answer;
  }

  async function readTenant(context: TenantContext): Promise<TenantRecord> {
    if (replica === undefined) return readRecord(reads, context);
    const record = await readRecord(replica, context);
    // Somebody was already told of a newer revision: a replica that lags must not take it back.
    return noted(record.revision >= seen ? record : await readRecord(reads, context));
  }

  async function write(request: OverrideWrite): Promise<OverrideWritten> {
    const { decide, original } = noting(request.decide);
    try {
      return await guarded("writing an override", async () =>
        noted(await writeOverride(engine, readRecord, { ...request, decide })),
      );
    } catch (error) {
      throw original(error);
    }
  }

  async function writeOfRollout(request: RolloutWrite): Promise<RolloutWritten> {
    const { decide, original } = noting(request.decide);
    try {
      return await guarded("writing a rollout", async () =>
        noted(await writeRollout(engine, { ...request, decide })),
      );
    } catch (error) {
      throw original(error);
    }
  }

  return Object.freeze({
    kind: engine.kind,
    readTenant: (context) => guarded("reading a tenant", () => readTenant(context)),
    writeOverride: write,
    getCustomerOverride: (id) =>
      guarded("reading an override", () => getOverride(reads, words, { kind: "customer", id })),
    getOrganizationOverride: (id) =>
      guarded("reading an override", () => getOverride(reads, words, { kind: "organization", id })),
    saveCustomerFlags: (id, flags, changedBy) =>
      saveFlags(write, clock, { kind: "customer", id }, flags, changedBy),
    saveOrganizationFlags: (id, flags, changedBy) =>
      saveFlags(write, clock, { kind: "organization", id }, flags, changedBy),
    listOverrides: (page) => guarded("listing overrides", () => listOverrides(reads, words, page)),
    readOverrides: (tenants) => guarded("reading overrides", () => readOverrides(reads, words, tenants)),
    listChanges: (filter) => guarded("reading the audit trail", () => listChanges(reads, words, filter)),
    lastChanges: (context) => guarded("reading the audit trail", () => lastChanges(reads, words, context)),
    retryAudit: () => guarded("writing kept audit rows", () => retryAudit(engine)),
    readState: () => guarded("reading the revision", async () => noted(await readState(reads))),
    changesSince: (revision, limit) =>
      guarded("reading the change feed", async () => noted(await changesSince(reads, revision, limit))),
    ...(engine.subscribe === undefined ? {} : { subscribe: engine.subscribe }),
    ...(engine.feedMode === undefined ? {} : { feedMode: engine.feedMode }),
    listRollouts: () => guarded("listing rollouts", async () => noted(await listRollouts(reads, words))),
    writeRollout: writeOfRollout,
    recordRolloutEvents: (events) =>
      guarded("recording rollout events", () => recordRolloutEvents(engine, events)),
    countRolloutEvents: (window) =>
      guarded("counting rollout events", () => countRolloutEvents(reads, window)),
    expireRolloutEvents: (limits) =>
      guarded("forgetting rollout events", () => expireRolloutEvents(engine, limits)),
    takeLease: (lease) => guarded("taking a lease", () => takeLease(engine, lease)),
    releaseLease: (name, holder) => guarded("releasing a lease", () => releaseLease(engine, name, holder)),
    reportInstance: (report) => guarded("reporting an instance", () => reportInstance(engine, report)),
    listInstances: (seenSince) => guarded("listing instances", () => listInstances(engine, seenSince)),
    removeInstances: (id, seenBefore) =>
      guarded("removing instances", () => removeInstances(engine, id, seenBefore)),
    registerOrganizations: (records) =>
      guarded("registering organizations", () => registerOrganizations(engine, records)),
    registerCustomers: (records) =>
      guarded("registering customers", () => registerCustomers(engine, records)),
    listOrganizations: (filter) => guarded("listing organizations", () => listOrganizations(reads, filter)),
    listCustomers: (filter) => guarded("listing customers", () => listCustomers(reads, filter)),
    readCustomers: (ids) => guarded("reading customers", () => readCustomers(reads, words, ids)),
    countTenants: () => guarded("counting tenants", () => countTenants(reads)),
    findAdminKey: (id) => guarded("reading an admin key", () => findAdminKey(reads, words, id)),
    addFirstAdminKey: (key) => guarded("storing an admin key", () => addFirstAdminKey(engine, key)),
    close() {
      closing ??= end();
      return closing;
    },
  } satisfies FlagStorage);
}

/** The same decision, and a way back from the error a transaction ended with to what the decision threw. */
function noting<Args extends readonly unknown[], Decision>(run: (...args: Args) => Decision) {
  let thrown: { readonly error: unknown } | undefined;
  return {
    decide(...args: Args): Decision {
      try {
        return run(...args);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    },
    original: (error: unknown): unknown => (thrown === undefined ? error : thrown.error),
  };
}
