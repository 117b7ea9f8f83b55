import { expect, it } from "vitest";
import { OnceLog } from "../../../lib/feature-flags/core/once-log.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { recordedLog } from "../recorded-log.ts";

it("says each thing once, and again after an hour", async () => {
  const [clock, log] = [manualClock(), recordedLog()];
  const once = new OnceLog(log, clock);
  for (let time = 0; time < 3; time += 1) {
    once.warn("a", { n: time }, "about a");
    once.error("b", { n: time }, "about b");
  }
  expect(log.lines).toEqual([
    { level: "warn", facts: { n: 0 }, message: "about a" },
    { level: "error", facts: { n: 0 }, message: "about b" },
  ]);
  await clock.advance(3_599_999);
  once.warn("a", {}, "about a");
  expect(log.lines).toHaveLength(2);
  await clock.advance(1);
  once.warn("a", {}, "about a");
  expect(log.lines).toHaveLength(3);
});

it("remembers a bounded number of topics", () => {
  const log = recordedLog();
  const once = new OnceLog(log, manualClock());
  for (let topic = 0; topic < 25_000; topic += 1) once.warn(`${topic}`, {}, "said");
  expect(log.lines).toHaveLength(25_000);
  once.warn("24999", {}, "said");
  expect(log.lines).toHaveLength(25_000);
});

it("counts what the log throws, and lets nobody else have it", () => {
  const broken = () => {
    throw new Error("no space left");
  };
  const once = new OnceLog({ info: broken, warn: broken, error: broken }, manualClock());
  once.warn("a", {}, "about a");
  once.error("b", {}, "about b");
  expect(once.failures).toBe(2);
});
