import { expect, test } from "vitest";
import { report } from "./fault-report.ts";
import { killStartsAtEachStatement, killStartsAtRandom } from "./killed-starts.ts";
import { chosenSeed, seededRandom } from "./seeded-random.ts";

const SOUND = { lost: 0, unopenable: 0, halfSchemas: 0, problems: [] };

test.each([
  ["sqlite", "nothing"],
  ["sqlite", "first version"],
  ["postgres", "nothing"],
  ["postgres", "first version"],
] as const)(
  "a start on %s (on %s) that is killed before any of its statements leaves a database that the next one opens",
  { timeout: 120_000 },
  async (engine, on) => {
    const from = 1 + seededRandom(chosenSeed()).below(6);
    const figures = await killStartsAtEachStatement({ engine, on, stride: 6, from });
    report(`SIGKILL before every sixth statement of a start on ${engine}, on ${on}`, figures);
    expect(figures).toMatchObject(SOUND);
    expect(figures.runs).toBeGreaterThan(2);
  },
);

test.each(["sqlite", "postgres"] as const)(
  "a first start on %s that is killed at any moment leaves a database that the next one opens",
  { timeout: 120_000 },
  async (engine) => {
    const figures = await killStartsAtRandom({ engine, runs: 4, seed: chosenSeed() });
    report(`SIGKILL in a first start on ${engine}`, figures);
    expect(figures).toMatchObject({ runs: 4, ...SOUND });
  },
);
