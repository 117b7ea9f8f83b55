import { describe, expect, it } from "vitest";
import { LoadQueue } from "../../../lib/feature-flags/core/load-queue.ts";
import { turn } from "../held-storage.ts";

/** Operations that end when they are told to, in a queue. */
function queued(atOnce: number, count: number) {
  const queue = new LoadQueue(atOnce);
  const started: number[] = [];
  const ends = new Map<number, { succeed(): void; fail(): void }>();
  const answers = Array.from({ length: count }, (_, index) =>
    queue.run(async () => {
      started.push(index);
      await new Promise<void>((resolve, reject) => {
        ends.set(index, { succeed: resolve, fail: () => reject(new Error(`number ${index}`)) });
      });
      return index;
    }),
  );
  const end = async (index: number, how: "succeed" | "fail" = "succeed") => {
    ends.get(index)?.[how]();
    await turn();
  };
  return { queue, started, answers, end };
}

describe("a load queue", () => {
  it("runs so many at a time, and the others in the order they came", async () => {
    const { started, answers, end } = queued(3, 8);
    await turn();
    expect(started).toEqual([0, 1, 2]);
    await end(1);
    expect(started).toEqual([0, 1, 2, 3]);
    await end(0);
    await end(3);
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
    for (const index of [2, 4, 5, 6, 7]) await end(index);
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("gives the place of one that failed to the next, and the failure to its caller alone", async () => {
    const { started, answers, end } = queued(1, 3);
    const outcomes = Promise.allSettled(answers);
    await turn();
    await end(0, "fail");
    expect(started).toEqual([0, 1]);
    await end(1);
    await end(2);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    await expect(answers[0]).rejects.toThrow("number 0");
  });

  it("lets nobody who comes later take the place of one that waits", async () => {
    const { queue, started, end } = queued(1, 2);
    await turn();
    await end(0);
    const late = queue.run(async () => started.push(99));
    await turn();
    expect(started).toEqual([0, 1]);
    await end(1);
    await late;
    expect(started).toEqual([0, 1, 99]);
  });

  it("has all its places again once it was empty", async () => {
    const { queue, answers, end } = queued(2, 5);
    await turn();
    for (const index of [0, 1, 2, 3, 4]) await end(index);
    await Promise.all(answers);
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 6 }, () =>
        queue.run(async () => {
          running += 1;
          most = Math.max(most, running);
          await turn();
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(2);
  });

  it("runs one at a time for a number that allows none", async () => {
    const { started, end } = queued(0, 2);
    await turn();
    expect(started).toEqual([0]);
    await end(0);
    expect(started).toEqual([0, 1]);
  });
});
