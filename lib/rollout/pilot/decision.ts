import type { RollbackThreshold, Rollout, RolloutTier } from "../../feature-flags/core/rollout.ts";
import type { RolloutCount } from "../../feature-flags/core/storage.ts";
import type { FlagObject } from "../../feature-flags/core/types.ts";
import { servedPercentage, standsSince } from "./tiers.ts";
import { type RateInterval, wilsonInterval } from "./wilson.ts";

/** Events of one rollout, since <= timestamp < until, in milliseconds since the Unix epoch. */
export interface ObservedWindow {
  readonly since: number;
  readonly until: number;
}

/** What was seen of a rollout. Counts are whole numbers from 0; anything else is no data. */
export interface ObservedEvents {
  readonly enabled: number;
  readonly errors: number;
}

export type RollbackDecision =
  | { readonly act: "hold"; readonly because: string }
  | { readonly act: "rollback"; readonly because: string; readonly evidence: FlagObject };

export type AdvanceDecision =
  | { readonly act: "advance"; readonly because: string; readonly evidence: FlagObject }
  | { readonly act: "refuse"; readonly because: string };

const NOTHING = "there is no data";
const HOUR = 3_600_000;

/** What counts at `now`: the time window, and nothing from before the rollout came to where it stands. */
export function observedWindow(rollout: Rollout, now: number): ObservedWindow {
  const timeWindow = rollout.rollbackThreshold?.timeWindow ?? HOUR;
  // Both ends count, so that an error exactly as old as the window is in it.
  const last = Math.floor(now);
  return { since: Math.max(last - Math.ceil(timeWindow), standsSince(rollout)), until: last + 1 };
}

/** Everything since the rollout came to where it stands. */
export function tierWindow(rollout: Rollout, now: number): ObservedWindow {
  return { since: standsSince(rollout), until: Math.floor(now) + 1 };
}

/** The events that say how a rollout does; customers who were served nothing say nothing. */
export function observedEvents(counts: readonly RolloutCount[]): ObservedEvents {
  let enabled = 0;
  let errors = 0;
  for (const { event, count } of counts) {
    if (event === "enabled") enabled += count;
    if (event === "error") errors += count;
  }
  return { enabled, errors };
}

/** The rate of errors with its interval; undefined without events. */
export function errorRate(events: ObservedEvents): (RateInterval & { readonly rate: number }) | undefined {
  const total = totalOf(events);
  if (total === undefined || total === 0) return undefined;
  return { rate: events.errors / total, ...wilsonInterval(events.errors, total) };
}

/** Whether a rollout is to be taken back, from what was seen in its window. Pure; missing data holds. */
export function decideRollback(
  threshold: RollbackThreshold,
  events: ObservedEvents,
  window: ObservedWindow,
): RollbackDecision {
  const total = totalOf(events);
  const seen = errorRate(events);
  if (total === undefined || seen === undefined) return { act: "hold", because: NOTHING };
  if (total < threshold.minimumEvents) {
    return { act: "hold", because: `only ${total} of ${threshold.minimumEvents} events were seen` };
  }
  const measured = threshold.confidence === "point" ? seen.rate : seen.low;
  if (!(measured > threshold.errorRate)) {
    return { act: "hold", because: `${rates(seen)} does not exceed ${percent(threshold.errorRate)}` };
  }
  const because = `${events.errors} errors in ${total} events: ${rates(seen)} exceeds ${percent(threshold.errorRate)}`;
  return { act: "rollback", because, evidence: evidenceOf(events, window, threshold) };
}

/** What an advance is decided from. */
export interface AdvanceFacts {
  readonly rollout: Rollout;
  readonly now: number;
  /** Within {@link observedWindow}. */
  readonly recent: ObservedEvents;
  /** Within {@link tierWindow}. */
  readonly inTier: ObservedEvents;
  /** Nobody is asking: it also has to have been observed for its bake time, with at least one event. */
  readonly scheduled: boolean;
}

/** Whether a rollout may go to its next tier. Pure; what is not known never lets it. */
export function decideAdvance({ rollout, now, recent, inTier, scheduled }: AdvanceFacts): AdvanceDecision {
  const tier = rollout.tiers[rollout.tier];
  if (rollout.status !== "in_progress" || tier === undefined) {
    return refuse(`it is ${rollout.status}, and only one in progress advances`);
  }
  if (rollout.tier >= rollout.targetTier) return refuse(`"${tier.name}" is its last tier`);
  const seenInTier = totalOf(inTier);
  if (seenInTier === undefined || totalOf(recent) === undefined) return refuse(NOTHING);
  const age = Math.floor(now) - standsSince(rollout);
  const due = Math.max(
    tier.minimumAge,
    scheduled ? (rollout.schedule?.bakeTime ?? Number.POSITIVE_INFINITY) : 0,
  );
  if (!(age >= due)) return refuse(`it has been in "${tier.name}" for ${age} of ${due} milliseconds`);
  const needed = Math.max(tier.minimumEvents, scheduled ? leastEvents(rollout, tier) : 0);
  if (!(seenInTier >= needed)) {
    return refuse(`"${tier.name}" has seen ${seenInTier} of ${needed} events`);
  }
  const { rollbackThreshold: threshold } = rollout;
  const rate = errorRate(recent);
  if (threshold !== undefined && rate !== undefined && rate.rate > threshold.errorRate) {
    return refuse(`${rates(rate)} exceeds ${percent(threshold.errorRate)}`);
  }
  const because = `"${tier.name}" was held for ${age} milliseconds with ${inTier.errors} errors in ${seenInTier} events`;
  const evidence = evidenceOf(recent, observedWindow(rollout, now), threshold);
  return { act: "advance", because, evidence: { ...evidence, eventsInTier: seenInTier, age } };
}

/** Where somebody is served, silence is not success. */
function leastEvents(rollout: Rollout, tier: RolloutTier): number {
  const servesSome = tier.percentage > 0 && servedPercentage(rollout) > 0;
  return servesSome ? 1 : 0;
}

function refuse(because: string): AdvanceDecision {
  return { act: "refuse", because };
}

function totalOf({ enabled, errors }: ObservedEvents): number | undefined {
  const sound = (count: number) => Number.isSafeInteger(count) && count >= 0;
  return sound(enabled) && sound(errors) ? enabled + errors : undefined;
}

function evidenceOf(
  events: ObservedEvents,
  window: ObservedWindow,
  threshold: RollbackThreshold | undefined,
): FlagObject {
  const rate = errorRate(events);
  return {
    events: events.enabled + events.errors,
    errors: events.errors,
    errorRate: rate?.rate ?? null,
    interval: rate === undefined ? null : { low: rate.low, high: rate.high },
    window: { since: window.since, until: window.until },
    threshold: threshold === undefined ? null : { ...threshold },
  };
}

function rates({ rate, low, high }: RateInterval & { readonly rate: number }): string {
  return `an error rate of ${percent(rate)} (${percent(low)} to ${percent(high)})`;
}

function percent(rate: number): string {
  return `${Math.round(rate * 10_000) / 100} %`;
}
