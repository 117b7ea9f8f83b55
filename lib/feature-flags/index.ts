import type { ChatWidgetFeatureFlags } from "../chat-widget/default-config.ts";
import type { FlagCacheStats } from "./core/cache.ts";
import type { FlagDefinition } from "./core/definition.ts";
import { type Ailment, ailingOverrides } from "./core/doctor.ts";
import type { EvaluateOptions, FlagEvaluator } from "./core/evaluator.ts";
import type { ManagerEvents } from "./core/events.ts";
import { explainFlags, type FlagExplanation } from "./core/explain.ts";
import type { PatchInput } from "./core/patch.ts";
import type { InstanceStatus, PropagationReceipt } from "./core/receipts.ts";
import type { RolloutAccess } from "./core/rollout-access.ts";
import type { TenantRef } from "./core/storage.ts";
import { contextError } from "./core/tenant-id.ts";
import type {
  BranchPath,
  DeepPartial,
  DeepReadonly,
  FlagEvaluation,
  FlagPath,
  TenantContext,
} from "./core/types.ts";
import type { TenantChange } from "./core/watches.ts";
import type { WriteMeta } from "./core/writer.ts";
import type { FeatureFlagManagerOptions, FlagManagerStats, FlagWriteResult } from "./manager-options.ts";
import { type ManagerParts, wireManager } from "./wiring.ts";

export type { ChatWidgetFeatureFlags } from "../chat-widget/default-config.ts";
export { FlagCache, type FlagCacheOptions, type FlagCacheStats } from "./core/cache.ts";
export { detectChanges, logFlagChanges, type ValueChange } from "./core/change-tracking.ts";
export type { StorageOption } from "./core/connection.ts";
export {
  type DefinitionInput,
  defineFlags,
  type FlagDefinition,
  type FlagDescription,
  type Resolution,
} from "./core/definition.ts";
export type { Ailment } from "./core/doctor.ts";
export { FLAG_ERROR_CODES, FlagError, type FlagErrorCode, isFlagError } from "./core/errors.ts";
export { type EvaluateOptions, FlagEvaluator } from "./core/evaluator.ts";
export type { ManagerEvents } from "./core/events.ts";
export type {
  FlagExplanation,
  LayerExplanation,
  RolloutExplanation,
  SettingChange,
} from "./core/explain.ts";
export { mergeFlags } from "./core/merge.ts";
export type { InstanceStatus, PropagationReceipt } from "./core/receipts.ts";
export type { FlagRule } from "./core/rules.ts";
export type { StandardSchema } from "./core/schema.ts";
export type { SnapshotStore, TenantSnapshot } from "./core/snapshot.ts";
export type { FlagStorage } from "./core/storage.ts";
export {
  type BranchPath,
  type CacheEntry,
  type Clock,
  type DeepPartial,
  type DeepReadonly,
  type FlagChange,
  type FlagChangeEvent,
  type FlagEvaluation,
  type FlagPath,
  FlagSource,
  type FlagValue,
  type Log,
  type OverrideMismatch,
  type RuleViolation,
  type TenantContext,
  type ValueAt,
} from "./core/types.ts";
export type { TenantChange } from "./core/watches.ts";
export type { WriteMeta } from "./core/writer.ts";
export type { FeatureFlagManagerOptions, FlagManagerStats, FlagWriteResult } from "./manager-options.ts";

type PathIn<C> = FlagPath<C> | BranchPath<C>;

/**
 * Reads and changes the flags of all tenants: the one object an application holds.
 *
 * @example
 * const manager = new FeatureFlagManager({ definition: flags, storage: () => sqliteStorage({ file: "flags.db" }) });
 * const { config, source } = await manager.getFlags({ customerId: "cust_123" });
 * await manager.setCustomerFlags("cust_123", { beta: { search: true } }, "ada", "Pilot");
 */
export class FeatureFlagManager<C extends object = ChatWidgetFeatureFlags> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly #parts: ManagerParts<C>;
  readonly #evaluator: FlagEvaluator<C>;

  constructor(options: FeatureFlagManagerOptions<C> = {}) {
    this.#parts = wireManager(options);
    this.#evaluator = this.#parts.evaluator;
    this.definition = this.#parts.definition;
    this.environment = this.#parts.environment;
  }

  /** Resolves once `peek` can be relied on: at once without `preload`. */
  async ready(): Promise<void> {
    await this.#parts.propagation.ready();
  }

  /** What a tenant sees. Never rejects because of storage: see `stale` and `error` of the evaluation. */
  getFlags(context: TenantContext = {}, options?: EvaluateOptions): Promise<FlagEvaluation<C>> {
    return this.#evaluator.evaluate(context, options);
  }

  /** The cached evaluation, without a promise; undefined where there is none. Allocates nothing. */
  peek(context: TenantContext): FlagEvaluation<C> | undefined {
    return this.#evaluator.peek(context);
  }

  /**
   * Merges `flags` into a customer's override: what they do not name stays as it is. Refused with the code and
   * path of what is wrong (UNKNOWN_PATH, TYPE_MISMATCH, RULE_VIOLATED, VERSION_CONFLICT, ...).
   */
  setCustomerFlags(
    id: string,
    flags: DeepPartial<C>,
    changedBy?: string,
    reason?: string,
    options?: Omit<WriteMeta, "changedBy" | "reason">,
  ): Promise<FlagWriteResult> {
    return this.updateOverride({ kind: "customer", id }, { set: flags }, { ...options, changedBy, reason });
  }

  /** As `setCustomerFlags`, for an organization. Under cascade it must not break a rule for any of its customers. */
  setOrganizationFlags(
    id: string,
    flags: DeepPartial<C>,
    changedBy?: string,
    reason?: string,
    options?: Omit<WriteMeta, "changedBy" | "reason" | "organizationId">,
  ): Promise<FlagWriteResult> {
    return this.updateOverride(
      { kind: "organization", id },
      { set: flags },
      { ...options, changedBy, reason },
    );
  }

  /** Takes flags (or whole branches) out of a customer's override, so that they inherit again. */
  unsetCustomerFlags(
    id: string,
    paths: readonly PathIn<C>[],
    changedBy?: string,
    reason?: string,
    options?: Omit<WriteMeta, "changedBy" | "reason">,
  ): Promise<FlagWriteResult> {
    return this.updateOverride({ kind: "customer", id }, { unset: paths }, { ...options, changedBy, reason });
  }

  /** Takes flags (or whole branches) out of an organization's override. */
  unsetOrganizationFlags(
    id: string,
    paths: readonly PathIn<C>[],
    changedBy?: string,
    reason?: string,
    options?: Omit<WriteMeta, "changedBy" | "reason" | "organizationId">,
  ): Promise<FlagWriteResult> {
    return this.updateOverride(
      { kind: "organization", id },
      { unset: paths },
      { ...options, changedBy, reason },
    );
  }

  /** Sets and unsets several flags of one tenant as one change. Takes input of any shape and checks it all. */
  async updateOverride(
    tenant: TenantRef,
    change: PatchInput,
    meta: WriteMeta = {},
  ): Promise<FlagWriteResult> {
    const written = await this.#parts.writer.update(tenant, change, meta);
    const { override, version, revision, changes, audit } = written;
    this.#parts.auditRetry.after(written);
    if (override !== undefined) this.#parts.propagation.applyOwn(written.tenant, override);
    const changeId = revision === undefined ? undefined : written.changeId;
    return Object.freeze({ version, revision, changeId, changes, audit });
  }

  /** Every flag at or below `path` through all layers, with who set each value. Rejects if storage cannot say. */
  async explain(context: TenantContext, path?: PathIn<C>): Promise<readonly FlagExplanation[]> {
    const invalid = contextError(context);
    if (invalid !== undefined) throw invalid;
    return await this.#parts.connection.read((storage) => explainFlags(storage, this.#parts, context, path));
  }

  /** Every stored override that does not fit the definition or breaks a rule. */
  async *ailingOverrides(): AsyncGenerator<Ailment> {
    yield* ailingOverrides(this.#parts);
  }

  /** What a `PilotRolloutManager` steers rollouts through. */
  get rollouts(): RolloutAccess<C> {
    return this.#parts.rolloutAccess;
  }

  /** Ends the cached answers for a customer; the next `getFlags` reads storage. */
  invalidateCache(customerId: string): void {
    this.#parts.cache.invalidateCustomer(customerId);
  }

  /** Ends the cached answers for an organization and the customers resolved through it. */
  invalidateCacheForOrganization(orgId: string): void {
    this.#parts.cache.invalidateOrganization(orgId);
  }

  clearCache(): void {
    this.#parts.cache.clear();
  }

  getCacheStats(): FlagCacheStats {
    return this.#parts.cache.getStats();
  }

  getStats(): FlagManagerStats {
    const { cache, auditRetry, propagation, connection } = this.#parts;
    return Object.freeze({
      ...this.#evaluator.getCounts(),
      cache: cache.getStats(),
      auditKept: auditRetry.kept,
      feed: Object.freeze({ revision: propagation.state?.revision, confirmedAt: propagation.confirmedAt }),
      storageLost: connection.lost,
    });
  }

  /** Applies now what other processes have committed; otherwise that happens by itself. Rejects if storage cannot say. */
  async catchUp(): Promise<void> {
    await this.#parts.propagation.catchUp();
  }

  /** The live instances on this storage, with the revision each has applied. Rejects if storage cannot say. */
  instances(): Promise<readonly InstanceStatus[]> {
    return this.#parts.receipts.instances();
  }

  /**
   * Resolves once every live instance has applied `revision` (as a write returned it), with how many there are and
   * after how many milliseconds. Rejects with NOT_PROPAGATED, naming those that lag, after `timeout` (5,000 ms).
   */
  async waitForPropagation(
    revision: number,
    { timeout = 5_000 }: { readonly timeout?: number } = {},
  ): Promise<PropagationReceipt> {
    this.#parts.propagation.wake();
    return await this.#parts.receipts.wait(revision, timeout);
  }

  /**
   * Tells what happens: `stale` when storage is lost, `recovered` when it is back, `error` for failures that no
   * caller sees; and `change`, for the tenant that `context` names, with old and new value per path.
   */
  on(name: "change", listener: (change: TenantChange<C>) => void, context: TenantContext): () => void;
  on<K extends keyof ManagerEvents>(name: K, listener: (event: ManagerEvents[K]) => void): () => void;
  on(
    name: "change" | keyof ManagerEvents,
    listener: (event: never) => void,
    context: TenantContext = {},
  ): () => void {
    if (name === "change") {
      return this.#parts.watches.add(context, listener as (change: TenantChange<C>) => void);
    }
    return this.#parts.events.on(name, listener as (event: ManagerEvents[keyof ManagerEvents]) => void);
  }

  /** Ends timers, and the storage if it was opened here. Writes a last `snapshot` if anything has changed. */
  async close(): Promise<void> {
    const { propagation, auditRetry, lastGood, watches, receipts, connection } = this.#parts;
    watches.close();
    auditRetry.close();
    if (lastGood !== undefined) await lastGood.close();
    propagation.close();
    await receipts.close();
    await connection.close();
  }
}

let processManager: FeatureFlagManager | undefined;

/** The process-wide manager, made on first use: the chat widget's flags on the storage the settings name. */
export function getFeatureFlagManager(): FeatureFlagManager {
  processManager ??= new FeatureFlagManager();
  return processManager;
}

/** The config of a customer, from the process-wide manager. */
export async function getCustomerFlags(customerId: string): Promise<DeepReadonly<ChatWidgetFeatureFlags>> {
  return (await getFeatureFlagManager().getFlags({ customerId })).config;
}

/** The config of an organization, from the process-wide manager. */
export async function getOrganizationFlags(orgId: string): Promise<DeepReadonly<ChatWidgetFeatureFlags>> {
  return (await getFeatureFlagManager().getFlags({ organizationId: orgId })).config;
}
