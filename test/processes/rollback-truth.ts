import { expect } from "vitest";
import type { LostRecording } from "./lost-recording.ts";
import { ERROR_RATE, type RollbackReport, type RollbackSize } from "./rollback.ts";
import { BAKE_TIME, type ScheduleReport, type ScheduleSize } from "./scheduled-steps.ts";

/** Far more than it takes, and far less than no change feed at all would. */
const BOUND = 20_000;

/** Each time it failed it was taken back once, with evidence, and every process answers the old value. */
export function expectOneRollback(report: RollbackReport, { processes, rounds, errors }: RollbackSize): void {
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  expect(report.changes.map(({ changedBy, newValue }) => [changedBy, newValue])).toEqual([
    [undefined, { status: "planned", tier: "half", percentage: 0 }],
    ...Array.from({ length: rounds }, () => [
      [undefined, { status: "in_progress", tier: "half", percentage: 50 }],
      ["automatic rollback", { status: "rolled_back", tier: "half", percentage: 0 }],
    ]).flat(),
  ]);
  // Planned, then a start and a rollback each time.
  expect(report.version).toBe(1 + 2 * rounds);
  const rollbacks = report.changes.filter(({ changedBy }) => changedBy === "automatic rollback");
  for (const [round, { startedAt, sights, writes, onAfter, offAfter }] of report.rounds.entries()) {
    expect(sights).toHaveLength(processes);
    for (const { search, status, version } of sights) {
      expect({ search, status, version }).toEqual({
        search: false,
        status: "rolled_back",
        version: 3 + 2 * round,
      });
    }
    expect(writes).toBe(1);
    for (const milliseconds of [onAfter, offAfter]) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThan(BOUND);
    }
    const { evidence, reason, oldValue, changedAt = 0 } = rollbacks[round] ?? {};
    expect(oldValue).toEqual({ status: "in_progress", tier: "half", percentage: 50 });
    expect(reason).toMatch(/^\d+ errors in \d+ events: an error rate of .* exceeds 5 %$/);
    expect(evidence).toMatchObject({
      events: expect.any(Number),
      errors: expect.any(Number),
      errorRate: expect.any(Number),
      interval: { low: expect.any(Number), high: expect.any(Number) },
      window: { since: startedAt, until: expect.any(Number) },
      threshold: {
        errorRate: ERROR_RATE,
        timeWindow: 600_000,
        minimumEvents: 20,
        confidence: "interval",
      },
    });
    expect(evidence?.["events"]).toBeGreaterThanOrEqual(20);
    expect(evidence?.["events"]).toBeLessThanOrEqual(2 * processes * errors);
    expect(evidence?.["errorRate"]).toBe(Number(evidence?.["errors"]) / Number(evidence?.["events"]));
    expect(evidence).toHaveProperty(
      "interval.low",
      expect.toSatisfy((low) => low > ERROR_RATE),
    );
    expect(evidence).toHaveProperty(
      "window.until",
      expect.toSatisfy((until) => until <= changedAt + 1),
    );
  }
  for (const { search, version } of report.sights) {
    expect({ search, version }).toEqual({ search: false, version: report.version });
  }
}

/** What was written is there, without a gap; recorded once more, all is there once. */
export function expectLastOnesLost(lost: readonly LostRecording[]): void {
  for (const { recorded, written, owed, stored, repeated } of lost) {
    expect(written).toBeGreaterThan(0);
    const kept = stored.numbers.length;
    expect(stored).toEqual({ numbers: firstNumbers(kept), counted: kept });
    expect(kept).toBeGreaterThanOrEqual(Math.max(written, owed));
    expect(kept).toBeLessThanOrEqual(recorded);
    expect(repeated).toEqual({ numbers: firstNumbers(recorded), counted: recorded });
  }
}

/** It is complete, and every step was made once, in its time. */
export function expectEachStepOnce(report: ScheduleReport, { tiers, kills }: ScheduleSize): void {
  expect(report.health.flatMap(({ accidents }) => accidents)).toEqual([]);
  // While one starts in the place of the killed one, the other goes on: the last kills may come too late.
  expect(report.holdersKilled).toBeGreaterThanOrEqual(Math.ceil(kills / 2));
  const numbers = firstNumbers(tiers);
  expect(report.rollout?.status).toBe("completed");
  expect(report.rollout?.steps.map(({ tier }) => tier)).toEqual(numbers);
  expect(report.version).toBe(1 + tiers);
  expect(report.changes.map(({ changedBy, newValue }) => [changedBy, newValue])).toEqual([
    [undefined, expect.objectContaining({ status: "planned" })],
    ...numbers.map((tier) => [
      tier === 0 ? undefined : "schedule",
      expect.objectContaining({
        status: tier === tiers - 1 ? "completed" : "in_progress",
        tier: `tier_${tier}`,
      }),
    ]),
  ]);
  report.rollout?.steps.forEach((step, index, steps) => {
    const before = steps[index - 1]?.at ?? Number.NEGATIVE_INFINITY;
    expect(step.at - before).toBeGreaterThanOrEqual(BAKE_TIME);
  });
}

export function firstNumbers(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
