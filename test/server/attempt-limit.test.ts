import { describe, expect, it } from "vitest";
import { createAttemptLimit } from "../../lib/server/attempt-limit.ts";

function limitAt(start = 0) {
  const clock = { now: start };
  const limit = createAttemptLimit({ burst: 3, perMinute: 6, maxSources: 5, now: () => clock.now });
  return { clock, limit };
}

describe("createAttemptLimit", () => {
  it("lets the burst through and then says how many seconds to wait", () => {
    const { limit } = limitAt();
    expect([1, 2, 3, 4].map(() => limit.take(["a"]))).toEqual([0, 0, 0, 10]);
  });

  it("refills with time, up to the burst and no further", () => {
    const { clock, limit } = limitAt();
    for (let attempt = 0; attempt < 3; attempt++) limit.take(["a"]);
    clock.now = 10_000;
    expect([limit.take(["a"]), limit.take(["a"])]).toEqual([0, 10]);
    clock.now = 3_600_000;
    expect([1, 2, 3, 4].map(() => limit.take(["a"]))).toEqual([0, 0, 0, 10]);
  });

  it("keeps sources apart", () => {
    const { limit } = limitAt();
    for (let attempt = 0; attempt < 4; attempt++) limit.take(["a"]);
    expect(limit.take(["b"])).toBe(0);
  });

  it("refuses when one of several sources is used up, and then takes nothing of the others", () => {
    const { limit } = limitAt();
    for (let attempt = 0; attempt < 3; attempt++) limit.take(["a"]);
    expect(limit.take(["a", "b"])).toBe(10);
    expect([1, 2, 3].map(() => limit.take(["b"]))).toEqual([0, 0, 0]);
  });

  it("forgets an attempt that was no failure", () => {
    const { limit } = limitAt();
    for (let attempt = 0; attempt < 100; attempt++) {
      expect(limit.take(["a"])).toBe(0);
      limit.giveBack(["a"]);
    }
  });

  it("remembers a bounded number of sources, the latest ones", () => {
    const { limit } = limitAt();
    for (let attempt = 0; attempt < 3; attempt++) limit.take(["first"]);
    for (let source = 0; source < 5; source++) limit.take([`other ${source}`]);
    expect(limit.take(["first"])).toBe(0);
  });

  it("gives nothing away when the clock goes back", () => {
    const { clock, limit } = limitAt(1_000_000);
    for (let attempt = 0; attempt < 3; attempt++) limit.take(["a"]);
    clock.now = 0;
    expect(limit.take(["a"])).toBeGreaterThan(0);
  });
});
