import { expect, test } from "vitest";
import { report } from "../faults/fault-report.ts";
import { killStartsAtEachStatement, killStartsAtRandom } from "../faults/killed-starts.ts";
import { chosenSeed } from "../faults/seeded-random.ts";

const SOUND = { lost: 0, unopenable: 0, halfSchemas: 0, problems: [] };

test.each([
  ["sqlite", "nothing"],
  ["sqlite", "first version"],
  ["postgres", "nothing"],
  ["postgres", "first version"],
] as const)(
  "a start on %s (on %s) that is killed before any of its statements leaves a database that the next one opens",
  async (engine, on) => {
    const figures = await killStartsAtEachStatement({ engine, on, stride: 1 });
    report(`SIGKILL before each statement of a start on ${engine}, on ${on}`, figures);
    expect(figures).toMatchObject({ runs: figures.statements, ...SOUND });
  },
);

test.each(["sqlite", "postgres"] as const)(
  "in 50 runs, a first start on %s that is killed at any moment leaves a database that the next one opens",
  async (engine) => {
    const figures = await killStartsAtRandom({ engine, runs: 50, seed: chosenSeed() });
    report(`SIGKILL in a first start on ${engine}`, figures);
    expect(figures).toMatchObject({ runs: 50, ...SOUND });
  },
);
