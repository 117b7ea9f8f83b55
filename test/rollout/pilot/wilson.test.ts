import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../../../lib/rollout/pilot/wilson.ts";

describe("wilsonInterval", () => {
  it.each([
    [0, 10, 0, 0.2775],
    [1, 10, 0.0179, 0.4042],
    [5, 10, 0.2366, 0.7634],
    [10, 10, 0.7225, 1],
    [1, 3, 0.0615, 0.7923],
    [15, 148, 0.0624, 0.1605],
  ])("agrees with published tables for %i of %i", (hits, total, low, high) => {
    const interval = wilsonInterval(hits, total);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it("knows nothing without events, or with counts that are none", () => {
    const everything = { low: 0, high: 1 };
    for (const [hits, total] of [
      [0, 0],
      [Number.NaN, 10],
      [1, Number.NaN],
      [-1, 10],
      [11, 10],
      [1, Number.POSITIVE_INFINITY],
      [1, -1],
    ] as const) {
      expect(wilsonInterval(hits, total)).toEqual(everything);
    }
  });

  it("holds the rate itself, within 0 and 1, and narrows with more events", () => {
    const counts = fc
      .integer({ min: 1, max: 1_000_000 })
      .chain((total) => fc.tuple(fc.integer({ min: 0, max: total }), fc.constant(total)));
    const property = fc.property(counts, ([hits, total]) => {
      const { low, high } = wilsonInterval(hits, total);
      const rate = hits / total;
      expect(low).toBeGreaterThanOrEqual(0);
      expect(low).toBeLessThanOrEqual(rate);
      expect(high).toBeGreaterThanOrEqual(rate);
      expect(high).toBeLessThanOrEqual(1);
      const more = wilsonInterval(hits * 10, total * 10);
      expect(more.high - more.low).toBeLessThan(high - low);
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});
