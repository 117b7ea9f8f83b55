import { describe, expect, it } from "vitest";
import { manualClock } from "../../lib/testing/index.ts";

describe("the manual clock", () => {
  it("stands still until it is told to go on", async () => {
    const clock = manualClock(1_000);
    expect(clock.now()).toBe(1_000);
    await clock.advance(250);
    expect(clock.now()).toBe(1_250);
  });

  it("runs due timers in the order of their time, each at its own moment", async () => {
    const clock = manualClock(0);
    const ran: unknown[] = [];
    for (const delay of [30, 10, 20, 10]) clock.setTimer(() => ran.push([delay, clock.now()]), delay);
    clock.setTimer(() => ran.push("too late"), 31);
    await clock.advance(30);
    expect(ran).toEqual([
      [10, 10],
      [10, 10],
      [20, 20],
      [30, 30],
    ]);
    expect(clock.timers()).toBe(1);
    await clock.advance(1);
    expect(ran.at(-1)).toBe("too late");
  });

  it("runs a timer that a timer sets on the way, also after a promise", async () => {
    const clock = manualClock(0);
    const beats: number[] = [];
    async function beat(): Promise<void> {
      beats.push(clock.now());
      await Promise.resolve();
      clock.setTimer(() => void beat(), 10);
    }
    await beat();
    await clock.advance(35);
    expect(beats).toEqual([0, 10, 20, 30]);
    expect(clock.timers()).toBe(1);
  });

  it("lets promises settle before the first timer and after the last one", async () => {
    const clock = manualClock(0);
    const order: string[] = [];
    void Promise.resolve()
      .then(() => undefined)
      .then(() => order.push("promise"));
    clock.setTimer(() => {
      order.push("timer");
      void Promise.resolve().then(() => order.push("promise of the timer"));
    }, 0);
    await clock.advance(0);
    expect(order).toEqual(["promise", "timer", "promise of the timer"]);
  });

  it("does not run a cancelled timer, whoever cancels it", async () => {
    const clock = manualClock(0);
    const ran: string[] = [];
    const cancel = clock.setTimer(() => ran.push("cancelled before"), 5);
    cancel();
    cancel();
    clock.setTimer(() => cancelLater(), 1);
    const cancelLater = clock.setTimer(() => ran.push("cancelled on the way"), 1);
    await clock.advance(10);
    expect(ran).toEqual([]);
    expect(clock.timers()).toBe(0);
  });

  it("treats a delay below zero as none", async () => {
    const clock = manualClock(500);
    const ran: number[] = [];
    clock.setTimer(() => ran.push(clock.now()), -100);
    await clock.advance(0);
    expect(ran).toEqual([500]);
  });
});
