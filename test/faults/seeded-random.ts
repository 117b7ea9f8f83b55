/** Chance that can be had again: the same seed gives the same sequence. */
export interface SeededRandom {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `count`. */
  below(count: number): number;
  pick<T>(from: readonly T[]): T;
}

/** The seed that STRATA_FAULT_SEED names, to run a printed one again; else a new one. */
export function chosenSeed(): number {
  const named = process.env["STRATA_FAULT_SEED"];
  return named === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(named);
}

/** Mulberry32. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (count: number) => Math.floor(next() * count);
  return Object.freeze({
    next,
    below,
    pick<T>(from: readonly T[]): T {
      const item = from[below(from.length)];
      if (item === undefined) throw new Error("There is nothing to pick from.");
      return item;
    },
  });
}
