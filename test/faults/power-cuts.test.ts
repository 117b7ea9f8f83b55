import { expect, test } from "vitest";
import { report } from "./fault-report.ts";
import { NO_MOUNT_REASONS, whyNoMount } from "./loop-mount.ts";
import { cutPower } from "./power-cuts.ts";
import { chosenSeed } from "./seeded-random.ts";

test("after a power cut every acknowledged write is there, and the method sees the loss where less is promised", {
  timeout: 120_000,
}, async () => {
  const reason = await whyNoMount();
  if (reason !== undefined) {
    process.stdout.write(`Power cuts were not run: ${reason}.\n`);
    expect(NO_MOUNT_REASONS).toContain(reason);
    return;
  }
  const figures = await cutPower({ runs: 3, seed: chosenSeed() });
  report("Power cuts", figures);
  expect(figures).toMatchObject({ runs: 3, lost: 0, unopenable: 0, problems: [] });

  const evidence = await cutPower({ runs: 5, seed: chosenSeed(), synchronous: "normal" });
  report("Power cuts with synchronous = normal, which must lose something", { ...evidence, problems: [] });
  expect(evidence.lossyRuns).toBeGreaterThan(0);
});
