import { expect, test } from "vitest";
import { report } from "../faults/fault-report.ts";
import { killWriters } from "../faults/killed-writers.ts";
import { chosenSeed } from "../faults/seeded-random.ts";

test.each(["sqlite", "postgres"] as const)(
  "in 100 runs, processes killed while they write to %s leave every acknowledged write, and the others go on",
  async (engine) => {
    const figures = await killWriters({ engine, runs: 100, seed: chosenSeed() });
    report(`SIGKILL in a write loop on ${engine}`, figures);
    expect(figures).toMatchObject({ runs: 100, lost: 0, unopenable: 0, problems: [] });
    expect(figures.acknowledged).toBeGreaterThan(figures.runs);
  },
);
