import type { Rollout, RolloutStatus } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import { selectRollout } from "../../feature-flags/core/rollout-selection.ts";
import type { RolloutCount } from "../../feature-flags/core/storage.ts";
import { errorRate, type ObservedWindow, observedEvents, observedWindow } from "./decision.ts";
import { knownCustomers } from "./known-customers.ts";
import { servedPercentage } from "./tiers.ts";
import type { RateInterval } from "./wilson.ts";

/** How events went. Rates are undefined where there were no events: nothing is known then. */
export interface EventFigures {
  /** `enabled` events: a customer was given the value. */
  readonly exposures: number;
  readonly errors: number;
  /** `disabled` events. */
  readonly disabled: number;
  /** Errors out of all `enabled` and `error` events, 0 to 1. */
  readonly errorRate: number | undefined;
  /** Where the error rate lies with 95 % confidence (Wilson). */
  readonly interval: RateInterval | undefined;
  /** 1 less the error rate. */
  readonly successRate: number | undefined;
}

export interface TierFigures extends EventFigures {
  readonly name: string;
  readonly percentage: number;
  /** When the rollout last came to it, milliseconds since the Unix epoch; undefined if it never did. */
  readonly enteredAt: number | undefined;
}

export interface MinuteFigures {
  /** Milliseconds since the Unix epoch. */
  readonly minute: number;
  readonly exposures: number;
  readonly errors: number;
  readonly disabled: number;
}

/** How a rollout does. The figures at the top are those a rollback is decided from. */
export interface RolloutStats extends EventFigures {
  readonly featureName: string;
  readonly status: RolloutStatus;
  readonly tier: string;
  /** What it serves at present, 0 to 100. */
  readonly percentage: number;
  /** Of the tenant directory: how many there are, and how many of them are served. */
  readonly customers: { readonly known: number; readonly enabled: number };
  /** since <= timestamp < until. */
  readonly window: ObservedWindow;
  /** What `tiers` and `overTime` cover. */
  readonly period: ObservedWindow;
  readonly tiers: readonly TierFigures[];
  /** Minutes in which anything happened, oldest first. */
  readonly overTime: readonly MinuteFigures[];
}

export interface StatsOptions {
  /** How far back `tiers` and `overTime` go, in milliseconds: at most 90 days. Default: a day. */
  readonly period?: number | undefined;
}

const DAY = 86_400_000;
const LONGEST_PERIOD = 90 * DAY;

/** Costs the window, the period and the directory, never the history. */
export async function rolloutStats<C extends object>(
  access: RolloutAccess<C>,
  rollout: Rollout,
  { period = DAY }: StatsOptions = {},
): Promise<RolloutStats> {
  const { featureName, status, tiers, tier } = rollout;
  const now = Math.floor(access.clock.now());
  const window = observedWindow(rollout, now);
  const length = Math.min(LONGEST_PERIOD, Math.max(1, Math.floor(period)));
  const covered = { since: now - (Number.isFinite(length) ? length : DAY), until: now + 1 };
  const count = (within: ObservedWindow) =>
    access.read((storage) => storage.countRolloutEvents({ featureName, ...within }));
  const recent = await count(window);
  const counts = await count(covered);
  return Object.freeze({
    ...{ featureName, status, window, period: covered },
    ...{ tier: tiers[tier]?.name ?? "", percentage: servedPercentage(rollout) },
    ...figures(recent),
    customers: await customerFigures(access, rollout),
    tiers: Object.freeze(tierFigures(rollout, counts)),
    overTime: Object.freeze(minuteFigures(counts)),
  });
}

async function customerFigures<C extends object>(access: RolloutAccess<C>, rollout: Rollout) {
  let known = 0;
  let enabled = 0;
  for await (const page of knownCustomers(access)) {
    known += page.length;
    for (const { id, organizationId } of page) {
      if (selectRollout(rollout, { customerId: id, organizationId }).enabled) enabled += 1;
    }
  }
  return Object.freeze({ known, enabled });
}

function tierFigures(rollout: Rollout, counts: readonly RolloutCount[]): TierFigures[] {
  return rollout.tiers.map(({ name, percentage }, tier) => {
    const own = counts.filter((row) => row.tier === tier);
    const enteredAt = rollout.steps.findLast((step) => step.tier === tier)?.at;
    return Object.freeze({ name, percentage, enteredAt, ...figures(own) });
  });
}

function minuteFigures(counts: readonly RolloutCount[]): MinuteFigures[] {
  const minutes = new Map<number, RolloutCount[]>();
  for (const row of counts) minutes.set(row.minute, [...(minutes.get(row.minute) ?? []), row]);
  return [...minutes].map(([minute, rows]) => {
    const { exposures, errors, disabled } = figures(rows);
    return Object.freeze({ minute, exposures, errors, disabled });
  });
}

function figures(counts: readonly RolloutCount[]): EventFigures {
  const events = observedEvents(counts);
  const disabled = counts.reduce((sum, row) => sum + (row.event === "disabled" ? row.count : 0), 0);
  const rate = errorRate(events);
  return {
    exposures: events.enabled,
    errors: events.errors,
    disabled,
    errorRate: rate?.rate,
    interval: rate === undefined ? undefined : Object.freeze({ low: rate.low, high: rate.high }),
    successRate: rate === undefined ? undefined : 1 - rate.rate,
  };
}
