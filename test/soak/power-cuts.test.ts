import { expect, test } from "vitest";
import { report } from "../faults/fault-report.ts";
import { NO_MOUNT_REASONS, whyNoMount } from "../faults/loop-mount.ts";
import { cutPower } from "../faults/power-cuts.ts";
import { chosenSeed } from "../faults/seeded-random.ts";

test("after 50 power cuts every acknowledged write is there, and the method sees the loss where less is promised", async () => {
  const reason = await whyNoMount();
  if (reason !== undefined) {
    process.stdout.write(`Power cuts were not run: ${reason}.\n`);
    expect(NO_MOUNT_REASONS).toContain(reason);
    return;
  }
  const figures = await cutPower({ runs: 50, seed: chosenSeed() });
  report("Power cuts", figures);
  expect(figures).toMatchObject({ runs: 50, withCheckpoints: 25, lost: 0, unopenable: 0, problems: [] });

  for (const synchronous of ["normal", "off"] as const) {
    const evidence = await cutPower({ runs: 15, seed: chosenSeed(), synchronous });
    const what = `Power cuts with synchronous = ${synchronous}, which must lose something`;
    report(what, { ...evidence, problems: [] });
    expect(evidence.lossyRuns).toBeGreaterThan(0);
  }
});
