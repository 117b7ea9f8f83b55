import { expect, test } from "vitest";
import { report } from "../faults/fault-report.ts";
import { type FullDiskFigures, fillDisks } from "../faults/full-disk.ts";
import { NO_MOUNT_REASONS, whyNoMount } from "../faults/loop-mount.ts";
import { chosenSeed } from "../faults/seeded-random.ts";
import { limitedFile, loopDisk } from "../faults/small-disk.ts";

test("40 full disks fail writes with STORAGE_FULL, reads go on, and nothing acknowledged is lost", async () => {
  const reason = await whyNoMount();
  if (reason !== undefined) {
    process.stdout.write(`Full disks were not run: ${reason}.\n`);
    expect(NO_MOUNT_REASONS).toContain(reason);
    return;
  }
  const figures = await fillDisks({ runs: 40, seed: chosenSeed(), newDisk: loopDisk });
  report("Full disk", figures);
  expectSound(figures);
});

test("20 files that may not grow fail writes with STORAGE_FULL, reads go on, and nothing acknowledged is lost", async () => {
  const figures = await fillDisks({ runs: 20, seed: chosenSeed(), newDisk: limitedFile });
  report("File that may not grow", figures);
  expectSound(figures);
});

function expectSound(figures: FullDiskFigures): void {
  expect(figures).toMatchObject({ lost: 0, unopenable: 0, problems: [] });
  expect(figures.refused).toBeGreaterThanOrEqual(figures.runs);
  expect(figures.readsWhileFull).toBeGreaterThan(0);
  expect(figures.slowestRefusalMs).toBeLessThan(5_000);
}
