import { expect, test } from "vitest";
import { report } from "./fault-report.ts";
import { killStartsAtEachStatement, killStartsAtRandom } from "./killed-starts.ts";
import { chosenSeed, seededRandom } from "./seeded-random.ts";

const SOUND = { lost: 0, unopenable: 0, halfSchemas: 0, problems: [] };

test.each(["sqlite", "postgres"] as const)(
  "a first start on %s that is killed before any of its statements leaves a database that the next one opens",
  async (engine) => {
    const from = 1 + seededRandom(chosenSeed()).below(5);
    const figures = await killStartsAtEachStatement({ engine, stride: 5, from });
    report(`SIGKILL before every fifth statement of a first start on ${engine}`, figures);
    expect(figures).toMatchObject(SOUND);
    expect(figures.runs).toBeGreaterThan(5);
  },
);

test.each(["sqlite", "postgres"] as const)(
  "a first start on %s that is killed at any moment leaves a database that the next one opens",
  async (engine) => {
    const figures = await killStartsAtRandom({ engine, runs: 4, seed: chosenSeed() });
    report(`SIGKILL in a first start on ${engine}`, figures);
    expect(figures).toMatchObject({ runs: 4, ...SOUND });
  },
);
