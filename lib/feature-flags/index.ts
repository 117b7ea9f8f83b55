import { type ChatWidgetFeatureFlags, chatWidgetFlags } from "../chat-widget/default-config.ts";
import { AuditRetry } from "./core/audit-retry.ts";
import { FlagCache, type FlagCacheStats } from "./core/cache.ts";
import { silentLog, systemClock } from "./core/clock.ts";
import { StorageConnection } from "./core/connection.ts";
import type { FlagDefinition } from "./core/definition.ts";
import { type Ailment, ailingOverrides } from "./core/doctor.ts";
import { environmentName } from "./core/environment.ts";
import { type EvaluateOptions, FlagEvaluator } from "./core/evaluator.ts";
import { explainFlags, type FlagExplanation } from "./core/explain.ts";
import { OnceLog } from "./core/once-log.ts";
import type { PatchInput } from "./core/patch.ts";
import { openProcessStorage } from "./core/process-defaults.ts";
import { Propagation } from "./core/propagation.ts";
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
import { FlagWriter, type WriteMeta } from "./core/writer.ts";
import type { FeatureFlagManagerOptions, FlagManagerStats, FlagWriteResult } from "./manager-options.ts";

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
export type { FlagExplanation, LayerExplanation, SettingChange } from "./core/explain.ts";
export { mergeFlags } from "./core/merge.ts";
export type { FlagRule } from "./core/rules.ts";
export type { StandardSchema } from "./core/schema.ts";
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
  readonly #connection: StorageConnection;
  readonly #cache: FlagCache<FlagEvaluation<C>>;
  readonly #evaluator: FlagEvaluator<C>;
  readonly #writer: FlagWriter<C>;
  readonly #propagation: Propagation<FlagEvaluation<C>>;
  readonly #auditRetry: AuditRetry;

  constructor(options: FeatureFlagManagerOptions<C> = {}) {
    const { clock = systemClock, random = Math.random, newId = () => crypto.randomUUID() } = options;
    const { audit = "best-effort", pollEvery = 1_000 } = options;
    const definition = options.definition ?? (chatWidgetFlags as FlagDefinition<object> as FlagDefinition<C>);
    const environment = options.environment ?? environmentName();
    const cache = new FlagCache<FlagEvaluation<C>>({ ...options.cache, clock });
    const log = new OnceLog(options.log ?? silentLog, clock);
    const { readBudget, initTimeout, loadsAtOnce } = options;
    const connection = new StorageConnection(options.storage ?? openProcessStorage, {
      ...{ clock, random, readBudget, initTimeout, loadsAtOnce },
      onLost: (error) => this.#lost(error),
      onRecovered: (milliseconds) => this.#recovered(milliseconds),
    });
    const preload = options.preload ?? false;
    const propagation = new Propagation({ connection, cache, clock, random, log, pollEvery, preload });
    this.definition = definition;
    this.environment = environment;
    this.#connection = connection;
    this.#cache = cache;
    this.#propagation = propagation;
    this.#evaluator = new FlagEvaluator({
      definition,
      environment,
      connection,
      cache,
      clock,
      log,
      propagation,
    });
    this.#writer = new FlagWriter({ definition, environment, connection, clock, newId, audit });
    this.#auditRetry = new AuditRetry(connection, clock, log);
  }

  /** Resolves once `peek` can be relied on: at once without `preload`. */
  async ready(): Promise<void> {
    await this.#propagation.ready();
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
    const written = await this.#writer.update(tenant, change, meta);
    const { override, version, revision, changes, audit } = written;
    this.#auditRetry.after(written);
    if (override !== undefined) this.#propagation.applyOwn(written.tenant, override);
    const changeId = revision === undefined ? undefined : written.changeId;
    return Object.freeze({ version, revision, changeId, changes, audit });
  }

  /** Every flag at or below `path` through all layers, with who set each value. Rejects if storage cannot say. */
  async explain(context: TenantContext, path?: PathIn<C>): Promise<readonly FlagExplanation[]> {
    const invalid = contextError(context);
    if (invalid !== undefined) throw invalid;
    return await this.#connection.read((storage) =>
      explainFlags(storage, this.definition, this.#environmentFlags(), context, path),
    );
  }

  /** Every stored override that does not fit the definition or breaks a rule. */
  async *ailingOverrides(): AsyncGenerator<Ailment> {
    yield* ailingOverrides(this.#connection, this.definition, this.#environmentFlags());
  }

  /** Ends the cached answers for a customer; the next `getFlags` reads storage. */
  invalidateCache(customerId: string): void {
    this.#cache.invalidateCustomer(customerId);
  }

  /** Ends the cached answers for an organization and the customers resolved through it. */
  invalidateCacheForOrganization(orgId: string): void {
    this.#cache.invalidateOrganization(orgId);
  }

  clearCache(): void {
    this.#cache.clear();
  }

  getCacheStats(): FlagCacheStats {
    return this.#cache.getStats();
  }

  getStats(): FlagManagerStats {
    return Object.freeze({
      ...this.#evaluator.getCounts(),
      cache: this.#cache.getStats(),
      auditKept: this.#auditRetry.kept,
    });
  }

  /** Applies now what other processes have committed; otherwise that happens by itself. Rejects if storage cannot say. */
  async catchUp(): Promise<void> {
    await this.#propagation.catchUp();
  }

  /** Ends timers, and the storage if it was opened here. */
  async close(): Promise<void> {
    this.#propagation.close();
    this.#auditRetry.close();
    await this.#connection.close();
  }

  #environmentFlags() {
    return this.definition.environment(this.environment);
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
