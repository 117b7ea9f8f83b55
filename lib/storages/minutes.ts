import type { RolloutWindow } from "../feature-flags/core/storage.ts";

export const MINUTE = 60_000;

/** The start of the minute that `timestamp` lies in. */
export function minuteOf(timestamp: number): number {
  return Math.floor(timestamp / MINUTE) * MINUTE;
}

/** From `since` up to and without `until`, in milliseconds; empty where it does not begin before it ends. */
export interface TimeRange {
  readonly since: number;
  readonly until: number;
}

/** A window as storages count it: by whole minutes, and event by event in the minutes it begins and ends in. */
export interface WindowParts {
  readonly head: TimeRange;
  readonly whole: TimeRange;
  readonly tail: TimeRange;
}

export function windowParts({ since, until }: RolloutWindow): WindowParts {
  const first = Math.ceil(since / MINUTE) * MINUTE;
  const last = minuteOf(until);
  // It begins and ends within one minute.
  if (first > last) return { head: { since, until }, whole: NONE, tail: NONE };
  return {
    head: { since, until: first },
    whole: { since: first, until: last },
    tail: { since: last, until },
  };
}

const NONE: TimeRange = Object.freeze({ since: 0, until: 0 });
