import { expect } from "vitest";
import type { CrashReport } from "./crash.ts";

/** Nobody was without an answer, nobody got one that never was true, and nothing was written in silence. */
export function expectSurvival(report: CrashReport): void {
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  expect(report.watched.flatMap(({ backwards }) => backwards)).toEqual([]);
  for (const { stale, unknown } of report.watched) {
    expect(unknown).toBe(0);
    expect(stale).toBeGreaterThan(0);
  }
  expect(report.refused).toEqual(Array.from({ length: 5 }, () => "STORAGE_UNAVAILABLE"));
  expect(report.restarted).toMatchObject({
    ...{ seats: report.lastTrue, stale: true, error: "STORAGE_UNAVAILABLE" },
  });
  expect(report.closed).toBe(0);
  for (const answers of report.answers) expect(answers).toEqual(report.truth);
  process.stdout.write(
    `A process started without a database answered in ${report.restarted.milliseconds.toFixed(1)} ms.\n`,
  );
}
