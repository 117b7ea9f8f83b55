import { asStorageError, type FlagError } from "../../feature-flags/core/errors.ts";
import type { OnceLog } from "../../feature-flags/core/once-log.ts";
import type { Clock } from "../../feature-flags/core/types.ts";
import { createBoundedQueue } from "./bounded-queue.ts";

/** Why events were left out, and how many. */
export interface DroppedEvents {
  /** Storage was away or slow for longer than there was room. */
  readonly full: number;
  /** Nothing an event could be, its timestamp included. */
  readonly invalid: number;
  /** More than a minute ahead of time. */
  readonly early: number;
  /** More than a day old. */
  readonly late: number;
  /** No rollout has that name. */
  readonly unknown: number;
  /** The rollout does not serve the customer. */
  readonly notServed: number;
  /** Storage refused them, again and again, for another reason than being away. */
  readonly refused: number;
  /** They came after the end, or could not be written by then. */
  readonly closed: number;
}

export interface EventBufferStats {
  readonly waiting: number;
  readonly written: number;
  readonly dropped: DroppedEvents;
}

export interface EventBufferOptions<T> {
  readonly clock: Clock;
  readonly log: OnceLog;
  /** Writes a batch; resolves with why some of it does not count. Rejecting means: none of it is written. */
  readonly write: (batch: readonly T[]) => Promise<LeftOut>;
  /** Events held at most. */
  readonly capacity: number;
  readonly batch: number;
  /** Milliseconds between two writes. */
  readonly every: number;
}

export type LeftOut = Readonly<Partial<Record<keyof DroppedEvents, number>>>;

export interface EventBuffer<T> {
  /** Takes an event in. Never throws, never waits: the oldest goes where there is no room. */
  add(event: T): void;
  /** Counts events that are left out. */
  drop(why: keyof DroppedEvents, count?: number): void;
  /** Writes what is waiting now; resolves even where that failed: it is tried again. */
  flush(): Promise<void>;
  /** Writes what is left, and takes no more. */
  close(): Promise<void>;
  stats(): EventBufferStats;
}

const LONGEST_WAIT = 30_000;
const ATTEMPTS = 3;

/** Collects events and writes them in batches, in the order they came, with a bound on memory. */
export function createEventBuffer<T>(options: EventBufferOptions<T>): EventBuffer<T> {
  const { clock, log, batch, every } = options;
  const queue = createBoundedQueue<T>(options.capacity);
  const dropped = { full: 0, invalid: 0, early: 0, late: 0, unknown: 0, notServed: 0, refused: 0, closed: 0 };
  let written = 0;
  let failures = 0;
  let isClosed = false;
  let flushing: Promise<void> | undefined;
  /** The number of the first event that nobody has asked to be written yet. */
  let end = 0;
  let cancel: (() => void) | undefined;
  let dueAt = Number.POSITIVE_INFINITY;

  function drop(why: keyof DroppedEvents, count = 1): void {
    if (count === 0) return;
    dropped[why] += count;
    if (count > 0)
      log.warn(
        `rollout-events:${why}`,
        { why, dropped: { ...dropped } },
        `Rollout events are dropped: ${why}.`,
      );
  }

  /** A timer even where it is due at once: whoever records an event must not pay for the write. */
  function schedule(delay: number): void {
    const at = clock.now() + delay;
    if (isClosed || at >= dueAt) return;
    cancel?.();
    dueAt = at;
    cancel = clock.setTimer(() => {
      dueAt = Number.POSITIVE_INFINITY;
      // Failures are reported where they happen.
      void flush();
    }, delay);
  }

  function scheduleNext(): void {
    if (queue.size === 0) return;
    if (failures > 0) schedule(Math.min(LONGEST_WAIT, every * 2 ** Math.min(failures, 10)));
    else schedule(queue.size >= batch ? 0 : every);
  }

  function flush(): Promise<void> {
    end = queue.first + queue.size;
    flushing ??= drain().finally(() => {
      flushing = undefined;
      scheduleNext();
    });
    return flushing;
  }

  async function drain(): Promise<void> {
    while (queue.first < end) {
      const from = queue.first;
      const taken = queue.peek(Math.min(batch, end - from));
      try {
        const leftOut = await options.write(taken);
        const lost = Object.entries(leftOut) as [keyof DroppedEvents, number][];
        for (const [why, count] of lost) drop(why, count);
        written += taken.length - lost.reduce((sum, [, count]) => sum + count, 0);
        failures = 0;
      } catch (cause) {
        if (!failed(asStorageError(cause, "recording rollout events"), taken.length)) return;
      }
      // What had to make room while it was being written was not lost.
      drop("full", -Math.min(taken.length, queue.first - from));
      queue.removeBelow(from + taken.length);
    }
  }

  /** True where there is no use in trying these again. */
  function failed(error: FlagError, count: number): boolean {
    failures += 1;
    log.warn(`rollout-events:${error.code}`, { code: error.code, error }, error.message);
    const mayPass = error.code === "STORAGE_UNAVAILABLE" || error.code === "STORAGE_FULL";
    if (mayPass || failures < ATTEMPTS) return false;
    failures = 0;
    drop("refused", count);
    return true;
  }

  return Object.freeze({
    add(event: T): void {
      if (isClosed) {
        drop("closed");
        return;
      }
      if (!queue.push(event)) drop("full");
      if (flushing === undefined) scheduleNext();
    },
    drop,
    flush,
    async close(): Promise<void> {
      isClosed = true;
      cancel?.();
      await flushing;
      await flush();
      drop("closed", queue.size);
      queue.removeBelow(Number.POSITIVE_INFINITY);
    },
    stats: () => Object.freeze({ waiting: queue.size, written, dropped: Object.freeze({ ...dropped }) }),
  });
}
