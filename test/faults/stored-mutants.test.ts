import { expect, test } from "vitest";
import { report } from "./fault-report.ts";
import { readMutantsOn } from "./mutants/mutated-storages.ts";
import { chosenSeed } from "./seeded-random.ts";

// PostgreSQL answers for all tenants, after each mutant, over connections: that takes its time.
test.each([
  ["sqlite", 300],
  ["postgres", 100],
] as const)(
  "rows on %s that are changed by hand, %d times, break no answer but their own, and are counted",
  { timeout: 120_000 },
  async (engine, mutants) => {
    const figures = await readMutantsOn(engine, { mutants, seed: chosenSeed(), variants: "in turn" });
    report(`Mutants of stored rows on ${engine}`, figures);
    expect(figures.problems).toEqual([]);
    expect(figures.mismatched).toBeGreaterThan(mutants / 10);
  },
);
