import type { ChatWidgetFeatureFlags } from "../../chat-widget/default-config.ts";
import type { FlagCache } from "./cache.ts";
import type { StorageConnection } from "./connection.ts";
import type { FlagDefinition } from "./definition.ts";
import { asStorageError, FlagError } from "./errors.ts";
import { Evaluation } from "./evaluation.ts";
import type { KnownRecord } from "./last-good.ts";
import { createResolver, type ResolvedFlags, type Resolver } from "./layers.ts";
import type { OnceLog } from "./once-log.ts";
import type { PendingLoad } from "./pending-loads.ts";
import { processDefaults } from "./process-defaults.ts";
import type { KnowsRollouts } from "./rollouts.ts";
import type { StorageState, TenantState } from "./storage.ts";
import { contextError } from "./tenant-id.ts";
import { type Clock, type FlagEvaluation, FlagSource, type TenantContext } from "./types.ts";

/** What tenants without an override see differs by which rollouts serve them: few combinations, as a rule. */
const MOST_SHARED = 1_000;
/** As often as rollouts may change while a tenant is read. */
const ATTEMPTS = 5;

/** What an evaluator asks of whatever follows the changes. */
export interface KeepsCurrent {
  /** The state whose changes have all been applied; undefined before the first read. */
  readonly state: StorageState | undefined;
  /** When storage last confirmed that nothing newer is committed, in milliseconds since the Unix epoch. */
  readonly confirmedAt: number | undefined;
  /** Whether an answer read at this state may be kept: not if later changes have been applied already. */
  accepts(state: StorageState): boolean;
  /** Everything in memory, where it is: read instead of storage. */
  readonly image: { read(context: TenantContext): TenantState | undefined } | undefined;
}

/** What an evaluator is handed. */
export interface EvaluatorParts<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly connection: StorageConnection;
  readonly cache: FlagCache<FlagEvaluation<C>>;
  readonly clock: Clock;
  readonly log: OnceLog;
  /** Told of every answer. Must be quick and must not throw. */
  readonly observe?: ((evaluation: FlagEvaluation<C>) => void) | undefined;
  /** What an earlier process last knew, for a start without storage. */
  readonly lastGood?: { read(context: TenantContext): Promise<KnownRecord | undefined> } | undefined;
  /** What keeps answers current; without it only the cache's TTL does. */
  readonly propagation?: KeepsCurrent | undefined;
  /** The layer between the tenants' overrides and the environment. */
  readonly rollouts?: KnowsRollouts | undefined;
  /** Told of each evaluation that was asked with `exposure`. Must be quick and must not throw. */
  readonly onExposure?: ((context: TenantContext, organizationId: string | undefined) => void) | undefined;
}

export interface EvaluateOptions {
  /** Read storage now, in one query, whatever the cache holds. */
  readonly fresh?: boolean | undefined;
  /** Never answer from before this revision: what a write returned, here or on another instance. */
  readonly atLeast?: number | undefined;
  /** Record that the customer was given what rollouts decide here: once per customer and window. */
  readonly exposure?: boolean | undefined;
}

/** How evaluations have gone since the start. */
export interface EvaluationCounts {
  readonly storageErrors: number;
  /** Leaves of stored overrides left out because they do not fit the definition, counted per read. */
  readonly mismatches: number;
  readonly violations: number;
  /** How often the log threw instead of taking a line. */
  readonly logFailures: number;
}

/**
 * Answers what a tenant sees: cache, else read, merge, keep. Never rejects and never throws: a failure is an
 * answer from further down, with the error beside it, and is not kept.
 */
export class FlagEvaluator<C extends object = ChatWidgetFeatureFlags> {
  readonly #parts: EvaluatorParts<C>;
  readonly #resolver: Resolver<C>;
  readonly #observe: ((evaluation: FlagEvaluation<C>) => void) | undefined;
  /** Of tenants without an override, by what they see: read at the same moment of the same revision. */
  #shared = new Map<ResolvedFlags<C>, Evaluation<C>>();
  #storageErrors = 0;
  #mismatches = 0;
  #violations = 0;

  /** Without parts (a number is the cache's TTL in milliseconds): the chat widget's flags on the process's storage. */
  constructor(parts?: EvaluatorParts<C> | number) {
    this.#parts =
      typeof parts === "object"
        ? parts
        : (processDefaults(parts) as EvaluatorParts<object> as EvaluatorParts<C>);
    const { definition, environment, observe } = this.#parts;
    this.#observe = observe;
    this.#resolver = createResolver(definition, definition.environment(environment));
  }

  /** The cached answer, or undefined. Allocates nothing. With everything in memory it always answers. */
  peek(context: TenantContext): FlagEvaluation<C> | undefined {
    const known = this.#parts.cache.get(context) ?? this.#fromImage(context, true);
    if (this.#observe !== undefined && known !== undefined) this.#observe(known);
    return known;
  }

  /** The answer for a tenant. Rejects for `atLeast` alone: see `error` and `stale` of the evaluation. */
  evaluate(context: TenantContext = {}, options?: EvaluateOptions): Promise<FlagEvaluation<C>> {
    const answer = this.#answer(context, options);
    if (options?.exposure === true) {
      // A copy, as in `#load`; and of what may be no context at all.
      const asked: TenantContext = {
        customerId: context?.customerId,
        organizationId: context?.organizationId,
      };
      return this.#observed(answer, (seen) => this.#expose(asked, seen));
    }
    return this.#observe === undefined ? answer : this.#observed(answer, this.#observe);
  }

  getCache(): FlagCache<FlagEvaluation<C>> {
    return this.#parts.cache;
  }

  getCounts(): EvaluationCounts {
    return Object.freeze({
      storageErrors: this.#storageErrors,
      mismatches: this.#mismatches,
      violations: this.#violations,
      logFailures: this.#parts.log.failures,
    });
  }

  #answer(context: TenantContext, options: EvaluateOptions | undefined): Promise<FlagEvaluation<C>> {
    const isFresh = options?.fresh === true || typeof context !== "object" || context === null;
    if (options?.atLeast !== undefined) return this.#atLeast(context, options.atLeast, isFresh);
    if (isFresh) return this.#load(context, "begin");
    const known = this.#parts.cache.get(context) ?? this.#fromImage(context);
    return known === undefined ? this.#load(context, "join") : Promise.resolve(known);
  }

  #expose(context: TenantContext, evaluation: FlagEvaluation<C>): void {
    this.#parts.onExposure?.(context, this.#parts.cache.resolvedThrough(context));
    this.#observe?.(evaluation);
  }

  async #observed(
    answer: Promise<FlagEvaluation<C>>,
    observe: (evaluation: FlagEvaluation<C>) => void,
  ): Promise<FlagEvaluation<C>> {
    const evaluation = await answer;
    observe(evaluation);
    return evaluation;
  }

  /** Loads with a copy of the ids: a caller may use the same object for the next tenant before the answer is there. */
  #load(asked: TenantContext, how: "join" | "begin"): Promise<FlagEvaluation<C>> {
    const invalid = contextError(asked);
    if (invalid !== undefined) return Promise.resolve(this.#without(this.#resolver.base, invalid));
    const context: TenantContext = { customerId: asked.customerId, organizationId: asked.organizationId };
    return this.#parts.cache.loads[how](context, (load) => this.#readMergeKeep(context, load));
  }

  async #readMergeKeep(context: TenantContext, load: PendingLoad): Promise<FlagEvaluation<C>> {
    const { connection, propagation, rollouts } = this.#parts;
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const record = await connection.readTenant(context);
        if (rollouts?.belongWith(record) === false) await rollouts.upTo(record);
        // Nothing may come in between: the record is merged with rollouts of its own time, or not at all.
        if (rollouts === undefined || rollouts.belongWith(record)) {
          const mayKeep = propagation?.accepts(record) ?? true;
          const hasNewer = this.#hasNewer(context, record);
          const keep = mayKeep && load.current && !hasNewer;
          // What is kept is older than this answer: nobody is answered with less from now on.
          if (!keep && !hasNewer) this.#parts.cache.end(context);
          return this.#merge(context, record, keep);
        }
        // A second record from before the rollouts held here: they are of a time that storage no longer knows.
        if (attempt > 0) await rollouts.reset();
        load.current = true; // What is read now is from after whatever outdated the load until here.
      }
      throw new FlagError("STORAGE_UNAVAILABLE", "Rollouts kept changing while the tenant was read.");
    } catch (error) {
      return await this.#lastKnown(context, asStorageError(error, "reading a tenant's flags"));
    }
  }

  /** Read twice, what was asked for first may have come back as the newer. */
  #hasNewer(context: TenantContext, { revision }: TenantState): boolean {
    const told = this.#parts.cache.lastKnown(context);
    return told instanceof Evaluation && told.revision > revision;
  }

  /** The one answer that can be refused: any other would be from before what was asked for. */
  async #atLeast(context: TenantContext, revision: number, isFresh: boolean): Promise<FlagEvaluation<C>> {
    const applied = this.#parts.propagation?.state?.revision ?? -1;
    const known = isFresh ? undefined : (this.#parts.cache.get(context) ?? this.#fromImage(context));
    if (known !== undefined && Math.max(known.revision, applied) >= revision) return known;
    const read = await this.#load(context, "begin");
    if (read.revision >= revision && !read.stale) return read;
    const reached = `Storage has answered for revision ${read.revision}, not for ${revision}. Ask again.`;
    throw read.error ?? new FlagError("STORAGE_UNAVAILABLE", reached);
  }

  #fromImage(context: TenantContext, isPeek = false): FlagEvaluation<C> | undefined {
    const { propagation, rollouts } = this.#parts;
    if (propagation?.image === undefined || contextError(context) !== undefined) return undefined;
    if (rollouts?.isKnown === false) return undefined;
    const record = propagation.image.read(context);
    if (record === undefined) return undefined;
    const { lost } = this.#parts.connection;
    const told = this.#parts.cache.lastKnown(context);
    // What was read from storage meanwhile may be ahead of the feed: nobody is answered with less than before.
    const newer = told instanceof Evaluation && told.revision > newestOf(record) ? told : undefined;
    // Older than the rollouts as they were changed here, and newer than the rest: only storage has both.
    const isOutdated = newer !== undefined && newer.revision < (rollouts?.revision ?? 0);
    if (lost === undefined && isOutdated && !isPeek) return undefined;
    if (lost === undefined) return newer ?? this.#merge(context, record, true);
    this.#parts.cache.countStaleAnswer();
    return (newer ?? this.#merge(context, record, false, propagation.confirmedAt)).asStale(lost);
  }

  #merge(
    context: TenantContext,
    record: TenantState,
    keep: boolean,
    evaluatedAt: number = this.#parts.clock.now(),
  ): Evaluation<C> {
    const { customerId } = context;
    const { organizationId, revision } = record;
    const rolledOut = this.#parts.rollouts?.rolledOut({ customerId, organizationId });
    const resolved = this.#resolver.resolve(record, rolledOut);
    const evaluation = resolved.isShared
      ? this.#sharedOf(resolved, revision, evaluatedAt)
      : new Evaluation(this.#parts.definition, resolved, { evaluatedAt, revision });
    if (resolved.mismatches.length > 0 || resolved.violations.length > 0)
      this.#report(context, record, resolved);
    if (keep) this.#parts.cache.set(context, evaluation, record.organizationId);
    return evaluation;
  }

  #sharedOf(resolved: ResolvedFlags<C>, revision: number, evaluatedAt: number): Evaluation<C> {
    const known = this.#shared.get(resolved);
    if (known?.revision === revision && known.evaluatedAt === evaluatedAt) return known;
    if (known === undefined && this.#shared.size >= MOST_SHARED) this.#shared.clear();
    const made = new Evaluation(this.#parts.definition, resolved, { evaluatedAt, revision });
    this.#shared.set(resolved, made);
    return made;
  }

  async #lastKnown(context: TenantContext, error: FlagError): Promise<FlagEvaluation<C>> {
    this.#storageErrors += 1;
    this.#parts.log.warn(`storage:${error.code}`, { code: error.code, error }, error.message);
    const known = this.#parts.cache.lastKnown(context) ?? (await this.#fromEarlierProcess(context));
    if (!(known instanceof Evaluation)) return this.#without(this.#resolver.base, error);
    this.#parts.cache.countStaleAnswer();
    return known.asStale(error);
  }

  async #fromEarlierProcess(context: TenantContext): Promise<FlagEvaluation<C> | undefined> {
    const known = await this.#parts.lastGood?.read(context);
    return known === undefined ? undefined : this.#merge(context, known.record, false, known.at);
  }

  #without(resolved: ResolvedFlags<C>, error: FlagError): FlagEvaluation<C> {
    const { definition, clock } = this.#parts;
    return new Evaluation(definition, resolved, { evaluatedAt: clock.now(), revision: -1, error });
  }

  #report(
    { customerId, organizationId }: TenantContext,
    record: TenantState,
    { mismatches, violations }: ResolvedFlags<C>,
  ): void {
    this.#mismatches += mismatches.length;
    this.#violations += violations.length;
    for (const { layer, path, message } of mismatches) {
      // The fault of an organization, or of a rollout, is one fault, however many customers meet it.
      const who =
        layer === FlagSource.CUSTOMER_OVERRIDE
          ? { customerId }
          : layer === FlagSource.ORGANIZATION_OVERRIDE
            ? { organizationId: record.organizationId }
            : {};
      const facts = { ...who, layer, path, code: "TYPE_MISMATCH" };
      const topic = `mismatch:${JSON.stringify([who, path])}`;
      this.#parts.log.warn(topic, facts, `A stored override is left out: ${message}`);
    }
    for (const { path, message } of violations) {
      const facts = { customerId, organizationId, path, code: "RULE_VIOLATED" };
      const topic = `violation:${JSON.stringify([customerId, organizationId, path])}`;
      this.#parts.log.warn(topic, facts, `A tenant's flags break a rule: ${message}`);
    }
  }
}

/** The newest revision that shows in a record: changes made here are in memory before the feed has brought them. */
function newestOf({ revision, customer, organization }: TenantState): number {
  return Math.max(revision, customer?.revision ?? 0, organization?.revision ?? 0);
}
