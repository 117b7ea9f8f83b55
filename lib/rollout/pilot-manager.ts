import type { ChatWidgetFeatureFlags } from "../chat-widget/default-config.ts";
import type { HeldRollout, RolloutAccess } from "../feature-flags/core/rollout-access.ts";
import type { TenantRef } from "../feature-flags/core/storage.ts";
import type { FlagPath } from "../feature-flags/core/types.ts";
import { checkedMeta, type WriteMeta } from "../feature-flags/core/write-meta.ts";
import { FlagError, getFeatureFlagManager } from "../feature-flags/index.ts";
import { createController, type RolloutController } from "./pilot/controller.ts";
import type { EventBufferStats } from "./pilot/event-buffer.ts";
import type { RolloutEventInput } from "./pilot/event-input.ts";
import { createEventRecorder, type EventRecorder } from "./pilot/event-recorder.ts";
import { createExposures } from "./pilot/exposures.ts";
import { forecastRollout, type RolloutForecast } from "./pilot/forecast.ts";
import { createLoading } from "./pilot/loading.ts";
import { observeForAdvance } from "./pilot/observation.ts";
import { type RollbackScope, scopedTenant } from "./pilot/rollback-scope.ts";
import { addRollout, changeRollout, type RolloutResult, unknownRollout } from "./pilot/rollout-change.ts";
import { plannedRollout, type RolloutInput } from "./pilot/rollout-input.ts";
import { isServed } from "./pilot/serving.ts";
import { type RolloutStats, rolloutStats, type StatsOptions } from "./pilot/statistics.ts";
import { tierIndex } from "./pilot/tier-input.ts";
import {
  advance,
  pause,
  resume,
  rollBack,
  rollBackFor,
  start,
  type Transition,
} from "./pilot/transitions.ts";

export { bucketOf } from "../feature-flags/core/bucket.ts";
export type {
  RollbackThreshold,
  Rollout,
  RolloutSchedule,
  RolloutStatus,
  RolloutStep,
  RolloutTier,
} from "../feature-flags/core/rollout.ts";
export type { HeldRollout, RolloutAccess } from "../feature-flags/core/rollout-access.ts";
export type { DroppedEvents, EventBufferStats } from "./pilot/event-buffer.ts";
export type { RolloutEventInput } from "./pilot/event-input.ts";
export type { Exclusion, RolloutForecast } from "./pilot/forecast.ts";
export type { RollbackScope } from "./pilot/rollback-scope.ts";
export type { RolloutResult } from "./pilot/rollout-change.ts";
export type { RolloutInput, ThresholdInput } from "./pilot/rollout-input.ts";
export type {
  EventFigures,
  MinuteFigures,
  RolloutStats,
  StatsOptions,
  TierFigures,
} from "./pilot/statistics.ts";
export type { TierInput } from "./pilot/tier-input.ts";
export { DEFAULT_TIERS } from "./pilot/tiers.ts";
export type { RateInterval } from "./pilot/wilson.ts";

export interface PilotRolloutManagerOptions<C extends object> {
  /** The flag manager whose evaluations the rollouts are part of. */
  readonly flags: { readonly rollouts: RolloutAccess<C> };
  /** Milliseconds between two looks for errors and for what is due; 0 for none by itself. Default: 5,000. */
  readonly checkEvery?: number | undefined;
  /** Milliseconds between two writes of events. Default: 1,000. */
  readonly flushEvery?: number | undefined;
  /** Events held at most until they are written. Default: 100,000. */
  readonly maxEvents?: number | undefined;
  /** Milliseconds within which a customer's exposure is recorded once. Default: 15 minutes. */
  readonly exposureWindow?: number | undefined;
}

/** Who makes a change and why, and the version it is meant for. */
export type RolloutMeta = Omit<WriteMeta, "organizationId">;

export interface RollbackOptions extends Omit<RolloutMeta, "reason"> {
  /** Takes it from this tenant only. Default: from everybody. */
  readonly scope?: RollbackScope | undefined;
}

const DAY = 86_400_000;
const EVENTS_KEPT_FOR = 7 * DAY;
const COUNTS_KEPT_FOR = 90 * DAY;
const EXPOSED_CUSTOMERS = 100_000;

/**
 * Gives one value of one flag to more and more customers, and takes it back by itself when it hurts.
 *
 * @example
 * const rollouts = new PilotRolloutManager({ flags: manager });
 * await rollouts.createRollout({ featureName: "search", path: "beta.search" });
 * await rollouts.startRollout("search", { changedBy: "ada", reason: "Pilot" });
 * if (await rollouts.shouldEnableFeature("search", "cust_123")) showSearch();
 */
export class PilotRolloutManager<C extends object = ChatWidgetFeatureFlags> {
  readonly #access: RolloutAccess<C>;
  readonly #loaded: () => Promise<void>;
  readonly #recorder: EventRecorder;
  readonly #controller: RolloutController | undefined;
  readonly #endExposures: () => void;

  constructor(options: PilotRolloutManagerOptions<C>) {
    const { checkEvery = 5_000, flushEvery = 1_000, maxEvents = 100_000, exposureWindow = 900_000 } = options;
    const access = options.flags.rollouts;
    this.#access = access;
    this.#loaded = createLoading(access);
    this.#recorder = createEventRecorder(access, {
      capacity: maxEvents,
      every: flushEvery,
      loaded: this.#loaded,
    });
    const exposures = { window: exposureWindow, capacity: EXPOSED_CUSTOMERS, record: this.#recorder.record };
    this.#endExposures = access.onExposure(createExposures(access, exposures));
    const kept = { loaded: this.#loaded, eventsKeptFor: EVENTS_KEPT_FOR, countsKeptFor: COUNTS_KEPT_FOR };
    this.#controller = checkEvery > 0 ? createController(access, { checkEvery, ...kept }) : undefined;
  }

  /**
   * Plans a rollout: until it is started it serves those allowed by name only. Refused with what is wrong:
   * UNKNOWN_PATH, TYPE_MISMATCH, INVALID_ID, INVALID_PATCH; ROLLOUT_CONFLICT where the name or the flag is taken.
   */
  createRollout<P extends FlagPath<C>>(
    input: RolloutInput<C, P>,
    meta?: RolloutMeta,
  ): Promise<RolloutResult> {
    return this.createRolloutFrom(input, meta);
  }

  /** As `createRollout`, for input of any shape: a request's body, say. */
  async createRolloutFrom(input: unknown, meta: RolloutMeta = {}): Promise<RolloutResult> {
    const access = this.#access;
    const { changedBy, onBehalfOf, reason } = checkedMeta(meta, access.audit);
    const rollout = plannedRollout(access.definition, access.environment, input, access.clock.now());
    return await addRollout(access, rollout, { changedBy, onBehalfOf, reason });
  }

  /** Begins a planned rollout at its first tier, or a rolled back one again: the same customers come back. */
  startRollout(featureName: string, meta?: RolloutMeta): Promise<RolloutResult> {
    return this.#change(featureName, start, meta);
  }

  /** It goes on serving whom it serves, and does not advance. */
  pauseRollout(featureName: string, meta?: RolloutMeta): Promise<RolloutResult> {
    return this.#change(featureName, pause, meta);
  }

  resumeRollout(featureName: string, meta?: RolloutMeta): Promise<RolloutResult> {
    return this.#change(featureName, resume, meta);
  }

  /**
   * To the next tier. ROLLOUT_REFUSED, with why, while errors are above the threshold, or the tier is younger or has
   * seen less than it asks for; VERSION_CONFLICT where somebody was faster.
   */
  async advanceRollout(featureName: string, meta: RolloutMeta = {}): Promise<RolloutResult> {
    const access = this.#access;
    const checked = checkedMeta(meta, access.audit);
    await access.refresh();
    const rollout = this.#held(featureName);
    const decision = await observeForAdvance(access, rollout, false);
    if (decision.act === "refuse") {
      const message = `"${featureName}" does not advance: ${decision.because}.`;
      throw new FlagError("ROLLOUT_REFUSED", message, {
        details: { featureName, because: decision.because },
      });
    }
    const { evidence } = decision;
    const ifVersion = checked.ifVersion ?? rollout.version;
    return await changeRollout(access, {
      ...actorOf(checked),
      featureName,
      transition: advance,
      ifVersion,
      evidence,
    });
  }

  /** Takes the rollout back at once: from everybody, or from one tenant. Nothing changes where it was before. */
  async rollbackFeature(
    featureName: string,
    reason?: string,
    options: RollbackOptions = {},
  ): Promise<RolloutResult> {
    const { scope, ...meta } = options;
    if (scope === undefined) return await this.#change(featureName, rollBack, { ...meta, reason });
    const tenant = scopedTenant(scope);
    return await this.#change(featureName, rollBackFor(tenant), { ...meta, reason }, tenant);
  }

  /**
   * Whether the rollout serves the customer, as evaluation has it before overrides. False for a rollout there is
   * none of, and where storage cannot say: never rejects.
   */
  shouldEnableFeature(featureName: string, customerId: string): Promise<boolean> {
    return isServed(this.#access, this.#loaded, featureName, customerId);
  }

  /**
   * Records what happened to a customer. Never throws and never waits: events are written in batches, once a second.
   * Up to a second of them is lost if the process dies; what is dropped is counted in `getEventStats`.
   */
  recordEvent(event: RolloutEventInput): void {
    this.#recorder.record(event);
  }

  getEventStats(): EventBufferStats {
    return this.#recorder.stats();
  }

  /** The rollout as this process knows it; undefined where there is none of that name. */
  async getRolloutConfig(featureName: string): Promise<HeldRollout | undefined> {
    await this.#loaded();
    return this.#access.get(featureName);
  }

  /** All rollouts as this process knows them. */
  async listRollouts(): Promise<readonly HeldRollout[]> {
    await this.#loaded();
    return this.#access.active();
  }

  /** How the rollout does. NOT_FOUND where there is none of that name. */
  async getRolloutStats(featureName: string, options?: StatsOptions): Promise<RolloutStats> {
    await this.#loaded();
    return await rolloutStats(this.#access, this.#held(featureName), options);
  }

  /** Which known customers a tier (by name or index) would bring in, and which it would not, and why. */
  async forecast(featureName: string, tier: string | number): Promise<RolloutForecast> {
    await this.#loaded();
    const rollout = this.#held(featureName);
    return await forecastRollout(this.#access, rollout, tierIndex(rollout.tiers, tier));
  }

  /** Writes the events that wait. Resolves even where storage is away: they are tried again. */
  flush(): Promise<void> {
    return this.#recorder.flush();
  }

  /** Ends the checks and writes the events that wait. The flag manager stays open. */
  async close(): Promise<void> {
    this.#endExposures();
    await this.#controller?.close();
    await this.#recorder.close();
  }

  async #change(
    featureName: string,
    transition: Transition,
    meta: RolloutMeta = {},
    tenant?: TenantRef,
  ): Promise<RolloutResult> {
    const checked = checkedMeta(meta, this.#access.audit);
    const { ifVersion } = checked;
    return await changeRollout(this.#access, {
      ...actorOf(checked),
      featureName,
      transition,
      ifVersion,
      tenant,
    });
  }

  #held(featureName: string): HeldRollout {
    const rollout = this.#access.get(featureName);
    if (rollout === undefined) throw unknownRollout(featureName);
    return rollout;
  }
}

function actorOf({ changedBy, onBehalfOf, reason }: WriteMeta) {
  return { changedBy, onBehalfOf, reason };
}

let processManager: PilotRolloutManager | undefined;

/** The process-wide manager of rollouts, over the process-wide flag manager: made on first use. */
export function getPilotRolloutManager(): PilotRolloutManager {
  processManager ??= new PilotRolloutManager({ flags: getFeatureFlagManager() });
  return processManager;
}
