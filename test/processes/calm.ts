import { expect } from "vitest";
import type { FaultyNetworkReport } from "./faulty-network.ts";

/** Every evaluation was answered, nobody went backwards or fell, and all ended with the same truth. */
export function expectCalm(report: FaultyNetworkReport): void {
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  for (const answers of report.answers) expect(answers).toEqual(report.truth);
  for (const { watched } of report.phases) {
    for (const { asked, unknown, backwards } of watched) {
      expect(asked).toBeGreaterThan(0);
      expect(unknown).toBe(0);
      expect(backwards).toEqual([]);
    }
  }
  for (const fault of ["hang", "gone"]) {
    const during = report.phases.filter((phase) => phase.fault === fault).flatMap(({ watched }) => watched);
    expect(during.reduce((sum, { stale }) => sum + stale, 0)).toBeGreaterThan(0);
  }
  print(report);
}

function print({ phases, memory }: FaultyNetworkReport): void {
  const lines = [...new Set(phases.map(({ fault }) => fault))].map((fault) => {
    const during = phases.filter((phase) => phase.fault === fault).flatMap(({ watched }) => watched);
    const took = during.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b);
    const at = (part: number) =>
      (took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0).toFixed(2);
    const stale = during.reduce((sum, watched) => sum + watched.stale, 0);
    return `${fault}: ${took.length} evaluations (${stale} stale), p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms`;
  });
  const [first, last] = memory.map((megabytes) => megabytes.toFixed(0));
  process.stdout.write(
    `${lines.join("\n")}\nMemory after the first round ${first} MB, after the last ${last} MB.\n`,
  );
}
