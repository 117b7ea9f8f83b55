import { expect } from "vitest";
import type { ConvergenceReport } from "./convergence.ts";

/** Every process ended with what the database holds, and none ever went backwards on the way. */
export function expectOneTruth(report: ConvergenceReport, processes: number): void {
  expect(report.refused).toEqual([]);
  expect(report.instances).toBe(processes);
  expect(report.watched.flatMap(({ backwards }) => backwards)).toEqual([]);
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  const answers = Object.values(report.truth);
  expect(answers.filter((answer) => answer.includes('"version"')).length).toBeGreaterThan(0);
  for (const given of report.answers) expect(given).toEqual(report.truth);
}
