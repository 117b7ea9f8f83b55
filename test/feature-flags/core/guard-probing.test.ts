import { describe, expect, it } from "vitest";
import { guarded, never } from "../guarded-calls.ts";
import { turn } from "../held-storage.ts";

describe("a lost storage", () => {
  it("is probed after a quarter of a second and then ever more seldom, up to four seconds", async () => {
    const { clock, guard, told, lose } = guarded({ random: () => 1 });
    await lose();
    const start = clock.now();
    const probedAt: number[] = [];
    for (let seen = 0; probedAt.length < 8; ) {
      await clock.advance(1);
      if (told.probes === seen) continue;
      seen = told.probes;
      probedAt.push(clock.now() - start);
    }
    const waits = probedAt.map((at, index) => at - (probedAt[index - 1] ?? 0));
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
    expect(guard.lost).toBeDefined();
  });

  it("is probed at moments that jitter spreads over half of each wait", async () => {
    const firstProbes = new Map<number, number>();
    for (const random of [0, 0.25, 0.5, 1]) {
      const { clock, told, lose } = guarded({ random: () => random });
      await lose();
      const start = clock.now();
      while (told.probes === 0) await clock.advance(1);
      firstProbes.set(random, clock.now() - start);
    }
    expect([...firstProbes]).toEqual([
      [0, 125],
      [0.25, 157],
      [0.5, 188],
      [1, 250],
    ]);
  });

  it("is asked by the probe alone while that is under way", async () => {
    let answer = (): void => {};
    let probes = 0;
    const { clock, guard, outcome, lose } = guarded({
      probe: () => {
        probes += 1;
        return new Promise<void>((resolve) => {
          answer = resolve;
        });
      },
    });
    await lose();
    await clock.advance(125);
    expect(probes).toBe(1);
    expect(await outcome(async () => "an answer")).toBe("STORAGE_UNAVAILABLE");
    answer();
    await turn();
    expect(guard.lost).toBeUndefined();
    expect(await outcome(async () => "an answer")).toBe("an answer");
  });

  it("is back once a probe succeeds, of which is told once, with how long it was away", async () => {
    const { clock, guard, told, storage, outcome, lose } = guarded();
    await lose();
    await clock.advance(125 + 250 + 500 - 1);
    expect(told.probes).toBe(2);
    storage.answersProbes = true;
    await clock.advance(1);
    expect([guard.lost, told.recovered, told.probes]).toEqual([undefined, [875], 3]);
    expect(clock.timers()).toBe(0);
    expect(await outcome(async () => "an answer")).toBe("an answer");
    await clock.advance(60_000);
    expect([told.recovered.length, told.probes]).toEqual([1, 3]);
  });

  it("stays lost while probes hang: each is given a second, and then the next has its turn", async () => {
    let probes = 0;
    const { clock, guard, lose } = guarded({
      probe: () => {
        probes += 1;
        return never();
      },
    });
    await lose();
    await clock.advance(125 + 1_000 + 250 + 1_000 + 500);
    expect(probes).toBe(3);
    expect(guard.lost?.code).toBe("STORAGE_UNAVAILABLE");
  });

  it("is lost again after three more failures, and that is told again", async () => {
    const { clock, guard, told, storage, lose } = guarded();
    for (let outage = 1; outage <= 3; outage += 1) {
      storage.answersProbes = false;
      await lose();
      await clock.advance(1_000);
      expect([told.lost.length, told.recovered.length]).toEqual([outage, outage - 1]);
      storage.answersProbes = true;
      await clock.advance(10_000);
      expect([guard.lost, told.recovered.length]).toEqual([undefined, outage]);
    }
  });

  it("is probed as soon as the first time if it is lost again long after", async () => {
    const { clock, told, storage, lose } = guarded();
    await lose();
    await clock.advance(60_000);
    storage.answersProbes = true;
    await clock.advance(10_000);
    await clock.advance(10_000);
    await lose();
    await clock.advance(125);
    expect(told.recovered).toHaveLength(2);
  });

  it("that answers probes and nothing else is not probed ever faster", async () => {
    const { clock, told, storage, lose } = guarded();
    storage.answersProbes = true;
    const end = clock.now() + 60_000;
    while (clock.now() < end) {
      await lose();
      await clock.advance(50);
    }
    expect(told.lost.length).toBeLessThan(40);
  });

  it("is left alone once the guard is closed", async () => {
    const { clock, told, lose, guard } = guarded();
    await lose();
    guard.close();
    expect(clock.timers()).toBe(0);
    await clock.advance(60_000);
    expect([told.probes, told.recovered]).toEqual([0, []]);
  });

  it("is left alone, too, if the guard was closed while a probe was under way", async () => {
    let answer = (): void => {};
    const { clock, guard, told, lose } = guarded({
      probe: () =>
        new Promise<void>((resolve) => {
          answer = resolve;
        }),
    });
    await lose();
    await clock.advance(125);
    guard.close();
    answer();
    await clock.advance(60_000);
    expect([told.recovered, clock.timers()]).toEqual([[], 0]);
  });

  it("is not probed by a guard that was closed before it was lost", async () => {
    const { clock, guard, told, lose } = guarded();
    guard.close();
    await lose();
    expect([told.lost, clock.timers(), guard.lost]).toEqual([[], 0, undefined]);
  });
});
