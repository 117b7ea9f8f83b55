import type { Clock } from "../feature-flags/core/types.ts";

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /**
   * Goes on by `milliseconds` and runs the timers that fall due on the way, in the order of their time, each at
   * its own moment. After each, everything that was only waiting for a promise is let through first, so that a
   * timer set by a timer's promise is not missed.
   */
  advance(milliseconds: number): Promise<void>;
  /** How many timers are waiting. */
  timers(): number;
}

interface Timer {
  readonly due: number;
  readonly run: () => void;
}

/**
 * @param start Milliseconds since the Unix epoch; 1 January 2025 unless given.
 *
 * @example
 * const clock = manualClock();
 * const cache = new FlagCache({ clock });
 * await clock.advance(5 * 60_000);
 */
export function manualClock(start: number = Date.UTC(2025, 0, 1)): ManualClock {
  const waiting = new Set<Timer>();
  let time = start;

  // The first one set goes first where two fall due together: sets keep their order.
  function nextDue(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of waiting) {
      if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }

  return Object.freeze({
    now: () => time,
    setTimer(run: () => void, delay: number) {
      const timer = { due: time + Math.max(delay, 0), run };
      waiting.add(timer);
      return () => void waiting.delete(timer);
    },
    async advance(milliseconds: number) {
      const until = time + milliseconds;
      await settled();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        waiting.delete(timer);
        time = Math.max(time, timer.due);
        timer.run();
        await settled();
      }
      time = until;
    },
    timers: () => waiting.size,
  });
}

/** Resolves once everything that only waits for promises has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
