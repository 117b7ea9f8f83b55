import { expect, test } from "vitest";
import { report } from "./fault-report.ts";
import { killWriters } from "./killed-writers.ts";
import { chosenSeed } from "./seeded-random.ts";

test.each(["sqlite", "postgres"] as const)(
  "a process killed while it writes to %s leaves every acknowledged write, and the others go on",
  { timeout: 120_000 },
  async (engine) => {
    const figures = await killWriters({ engine, runs: 6, seed: chosenSeed() });
    report(`SIGKILL in a write loop on ${engine}`, figures);
    expect(figures).toMatchObject({ runs: 6, lost: 0, unopenable: 0, problems: [] });
    expect(figures.acknowledged).toBeGreaterThan(figures.runs);
  },
);
