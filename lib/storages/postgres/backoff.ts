/** How long to wait before the next attempt, in milliseconds: longer after each, from 1 to 30 seconds. */
export interface Backoff {
  next(): number;
  reset(): void;
}

const SHORTEST = 1_000;
const LONGEST = 30_000;

/** @param random 0 to 1: half of each wait is left to it, so that those who lost a server together return one by one. */
export function createBackoff(random: () => number): Backoff {
  let attempts = 0;
  return Object.freeze({
    next(): number {
      attempts = Math.min(attempts + 1, 10);
      const most = Math.min(LONGEST, SHORTEST * 2 ** attempts);
      return most * (0.5 + random() / 2);
    },
    reset(): void {
      attempts = 0;
    },
  });
}
