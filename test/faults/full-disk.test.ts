import { expect, test } from "vitest";
import { report } from "./fault-report.ts";
import { type FullDiskFigures, fillDisks } from "./full-disk.ts";
import { NO_MOUNT_REASONS, whyNoMount } from "./loop-mount.ts";
import { chosenSeed } from "./seeded-random.ts";
import { limitedFile, loopDisk } from "./small-disk.ts";

test("a full disk fails writes with STORAGE_FULL, reads go on, and nothing acknowledged is lost", {
  timeout: 120_000,
}, async () => {
  const reason = await whyNoMount();
  if (reason !== undefined) {
    process.stdout.write(`Full disks were not run: ${reason}.\n`);
    expect(NO_MOUNT_REASONS).toContain(reason);
    return;
  }
  const figures = await fillDisks({ runs: 4, seed: chosenSeed(), newDisk: loopDisk });
  report("Full disk", figures);
  expectSound(figures);
  expect(figures.refusedFirstStarts).toBe(8);
  expect(figures.refusedStarts).toBeGreaterThan(0);
});

test("a file that may not grow fails writes with STORAGE_FULL, reads go on, and nothing acknowledged is lost", {
  timeout: 120_000,
}, async () => {
  const figures = await fillDisks({ runs: 2, seed: chosenSeed(), newDisk: limitedFile });
  report("File that may not grow", figures);
  expectSound(figures);
});

function expectSound(figures: FullDiskFigures): void {
  expect(figures).toMatchObject({ lost: 0, unopenable: 0, problems: [] });
  expect(figures.refused).toBeGreaterThanOrEqual(figures.runs);
  expect(figures.readsWhileFull).toBeGreaterThan(0);
  expect(figures.slowestRefusalMs).toBeLessThan(5_000);
}
