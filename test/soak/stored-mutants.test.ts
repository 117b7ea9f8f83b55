import { expect, test } from "vitest";
import { report } from "../faults/fault-report.ts";
import { readMutantsOn } from "../faults/mutants/mutated-storages.ts";
import { chosenSeed } from "../faults/seeded-random.ts";

const MUTANTS = 5_000;

test.each([
  ["sqlite", "all"],
  ["postgres", "in turn"],
] as const)(
  "rows on %s that are changed by hand, 5,000 times, break no answer but their own, and are counted",
  async (engine, variants) => {
    const figures = await readMutantsOn(engine, {
      mutants: MUTANTS,
      seed: chosenSeed(),
      variants,
      hugeEvery: MUTANTS / 4,
    });
    report(`Mutants of stored rows on ${engine}`, figures);
    expect(figures.problems).toEqual([]);
    expect(figures.mismatched).toBeGreaterThan(MUTANTS / 10);
  },
);
