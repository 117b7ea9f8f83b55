import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import type { ManualClock } from "../../../lib/testing/index.ts";
import { following, save } from "../followed-feed.ts";
import { turn, unannounced } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";

describe("polling", () => {
  /** The moments at which the feed is asked for, in milliseconds from now on, for so long. */
  async function pollsDuring(
    { clock }: { clock: ManualClock },
    calls: string[],
    milliseconds: number,
  ): Promise<number[]> {
    const start = clock.now();
    const times: number[] = [];
    calls.length = 0;
    while (clock.now() - start < milliseconds) {
      await clock.advance(50);
      for (const _ of calls.splice(0).filter((call) => call === "changesSince"))
        times.push(clock.now() - start);
    }
    return times;
  }

  it("goes on at its pace, spread by a fifth", async () => {
    for (const [random, expected] of [
      [0, 11],
      [0.5, 9],
      [1, 7],
    ] as const) {
      const outage = outageStorage(unannounced(memoryStorage()));
      const follow = following(outage.storage, { random: () => random });
      await follow.begin();
      expect(await pollsDuring(follow, outage.calls, 9_500)).toHaveLength(expected);
      follow.feed.close();
    }
  });

  it("asks no more often than it was told to, however seldom that is", async () => {
    const outage = outageStorage(unannounced(memoryStorage()));
    const follow = following(outage.storage, { pollEvery: 120_000 });
    await follow.begin();
    expect(await pollsDuring(follow, outage.calls, 600_000)).toHaveLength(5);
    follow.feed.close();
  });

  it("becomes more seldom while storage fails, up to half a minute, and is at its pace again after it", async () => {
    const outage = outageStorage(unannounced(memoryStorage()));
    // An error that is no outage: the circuit stays closed, and every poll really asks.
    const failing: FlagStorage = {
      ...outage.storage,
      changesSince: async (revision, limit) => {
        const page = await outage.storage.changesSince(revision, limit);
        if (isFailing)
          throw Object.assign(new Error("permission denied"), { name: "FlagError", code: "INTERNAL" });
        return page;
      },
    };
    let isFailing = true;
    const follow = following(failing);
    await follow.begin();
    const polls = await pollsDuring(follow, outage.calls, 240_000);
    const waits = polls.map((at, index) => at - (polls[index - 1] ?? 0));
    expect(waits.slice(0, 9)).toEqual([1_000, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(36_000);
    isFailing = false;
    await pollsDuring(follow, outage.calls, 36_000);
    expect((await pollsDuring(follow, outage.calls, 10_000)).length).toBeGreaterThanOrEqual(9);
    follow.feed.close();
  });

  it("is at its pace again as soon as it was woken with success, not after the long wait it had begun", async () => {
    const outage = outageStorage(unannounced(memoryStorage()));
    const follow = following(outage.storage);
    await follow.begin();
    outage.mode = "down";
    await follow.clock.advance(120_000);
    outage.mode = "up";
    await follow.clock.advance(4_000);
    expect(follow.connection.lost).toBeUndefined();
    follow.feed.wake();
    await turn();
    expect((await pollsDuring(follow, outage.calls, 5_000)).length).toBeGreaterThanOrEqual(4);
    expect(follow.clock.timers()).toBe(1);
    follow.feed.close();
  });

  it("counts a failure once, however many notices wait for the same read", async () => {
    const memory = memoryStorage();
    const outage = outageStorage(memory);
    const follow = following(outage.storage);
    await follow.begin();
    await turn();
    outage.mode = "hanging";
    for (let change = 0; change < 10; change += 1) {
      await save(memory, `c${change}`);
      await turn();
    }
    await follow.clock.advance(2_000);
    expect(follow.errors).toHaveLength(1);
    outage.mode = "up";
    await follow.clock.advance(2_500);
    expect(follow.applied).toHaveLength(10);
    follow.feed.close();
  });

  it("tells of failures that no caller sees, and logs them once", async () => {
    const outage = outageStorage(unannounced(memoryStorage()));
    const follow = following(outage.storage);
    await follow.begin();
    outage.mode = "down";
    await follow.clock.advance(60_000);
    expect(follow.errors.length).toBeGreaterThan(3);
    expect(follow.errors.every(({ code }) => code === "STORAGE_UNAVAILABLE")).toBe(true);
    expect(follow.log.lines.map(({ level }) => level)).toEqual(["warn"]);
    follow.feed.close();
  });

  it("says when storage last confirmed that nothing is newer", async () => {
    const outage = outageStorage(unannounced(memoryStorage()));
    const follow = following(outage.storage);
    await follow.begin();
    await follow.clock.advance(1_000);
    const confirmed = follow.feed.confirmedAt;
    expect(confirmed).toBe(follow.clock.now());
    outage.mode = "down";
    await follow.clock.advance(60_000);
    expect(follow.feed.confirmedAt).toBe(confirmed);
    follow.feed.close();
  });
});
