import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OnceLog } from "../../../lib/feature-flags/core/once-log.ts";
import { FlagError } from "../../../lib/feature-flags/index.ts";
import { createBoundedQueue } from "../../../lib/rollout/pilot/bounded-queue.ts";
import { createEventBuffer, type LeftOut } from "../../../lib/rollout/pilot/event-buffer.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { turn } from "../../feature-flags/held-storage.ts";
import { recordedLog } from "../../feature-flags/recorded-log.ts";

function numbersBuffer({ capacity = 100, batch = 10, every = 1_000 } = {}) {
  const clock = manualClock();
  const log = recordedLog();
  const batches: number[][] = [];
  const world = {
    answer: (): LeftOut | Promise<LeftOut> => ({}),
  };
  const buffer = createEventBuffer<number>({
    ...{ clock, capacity, batch, every, log: new OnceLog(log, clock) },
    async write(taken) {
      const leftOut = await world.answer();
      batches.push([...taken]);
      return leftOut;
    },
  });
  const add = (count: number, from = 0) => {
    for (let n = from; n < from + count; n += 1) buffer.add(n);
  };
  return { clock, log, batches, buffer, add, world };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const away = () => Promise.reject(new FlagError("STORAGE_UNAVAILABLE", "Storage is away."));

describe("a bounded queue", () => {
  it("behaves as a list that loses its oldest", () => {
    const commands = fc.array(fc.oneof(fc.constant("push" as const), fc.nat(12)), { maxLength: 200 });
    const property = fc.property(fc.integer({ min: 1, max: 8 }), commands, (capacity, taken) => {
      const queue = createBoundedQueue<number>(capacity);
      let model: number[] = [];
      let gone = 0;
      taken.forEach((command, item) => {
        if (command === "push") {
          const hasRoom = model.length < capacity;
          expect(queue.push(item)).toBe(hasRoom);
          if (!hasRoom) gone += 1;
          model = [...model, item].slice(-capacity);
        } else {
          const count = Math.min(command, model.length);
          queue.removeBelow(gone + command);
          model = model.slice(count);
          gone += count;
        }
        expect([queue.size, queue.first, queue.peek(100)]).toEqual([model.length, gone, model]);
        expect(queue.peek(2)).toEqual(model.slice(0, 2));
      });
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe("the event buffer", () => {
  it("writes once a second what came, in its order", async () => {
    const { clock, batches, buffer, add } = numbersBuffer();
    add(3);
    await clock.advance(999);
    expect(batches).toEqual([]);
    await clock.advance(1);
    expect(batches).toEqual([[0, 1, 2]]);
    expect(buffer.stats()).toMatchObject({ waiting: 0, written: 3 });
    await clock.advance(10_000);
    expect(batches).toHaveLength(1);
    expect(clock.timers()).toBe(0);
  });

  it("writes at once where a batch is full, but never while somebody is adding", async () => {
    const { clock, batches, add } = numbersBuffer();
    add(25);
    expect(batches).toEqual([]);
    await clock.advance(0);
    expect(batches).toEqual([numbers(0, 10), numbers(10, 20), numbers(20, 25)]);
  });

  it("keeps what storage did not take, and writes it later without loss or change of order", async () => {
    const { clock, batches, buffer, add, world } = numbersBuffer();
    world.answer = away;
    add(15);
    await clock.advance(20_000);
    expect(batches).toEqual([]);
    expect(buffer.stats()).toMatchObject({ waiting: 15, written: 0 });
    world.answer = () => ({});
    await clock.advance(31_000);
    expect(batches).toEqual([numbers(0, 10), numbers(10, 15)]);
  });

  it("asks a storage that is away ever less often, however much comes in", async () => {
    const { clock, add, world } = numbersBuffer();
    let asked = 0;
    world.answer = () => {
      asked += 1;
      return away();
    };
    for (let second = 0; second < 120; second += 1) {
      add(50);
      await clock.advance(1_000);
    }
    expect(asked).toBeGreaterThan(4);
    expect(asked).toBeLessThan(12);
  });

  it("drops the oldest where it is full, and counts them", async () => {
    const { clock, batches, buffer, add, world, log } = numbersBuffer();
    world.answer = away;
    add(130);
    await clock.advance(5_000);
    expect(buffer.stats()).toMatchObject({ waiting: 100, dropped: { full: 30 } });
    expect(log.lines.map(({ message }) => message)).toContain("Rollout events are dropped: full.");
    world.answer = () => ({});
    await clock.advance(60_000);
    expect(batches.flat()).toEqual(numbers(30, 130));
  });

  it("does not count as dropped what was pushed out while it was being written", async () => {
    const { clock, batches, buffer, add, world } = numbersBuffer({ capacity: 10 });
    let release = (): void => {};
    world.answer = () =>
      new Promise<LeftOut>((resolve) => {
        release = () => resolve({});
      });
    add(10);
    await clock.advance(0);
    add(4, 10);
    release();
    await clock.advance(0);
    world.answer = () => ({});
    await clock.advance(1_000);
    expect(batches.flat()).toEqual(numbers(0, 14));
    expect(buffer.stats()).toMatchObject({ waiting: 0, written: 14, dropped: { full: 0 } });
  });

  it("gives up on what storage refuses for good, so that the rest gets through", async () => {
    const { clock, batches, buffer, add, world } = numbersBuffer();
    world.answer = () => Promise.reject(new FlagError("READ_ONLY", "This storage is read-only."));
    add(3);
    await clock.advance(60_000);
    expect(buffer.stats()).toMatchObject({ waiting: 0, written: 0, dropped: { refused: 3 } });
    world.answer = () => ({});
    add(2, 3);
    await clock.advance(1_000);
    expect(batches).toEqual([[3, 4]]);
  });

  it("has written, once flushed, also what came while it was writing", async () => {
    const { batches, buffer, add, world } = numbersBuffer();
    const going: (() => void)[] = [];
    world.answer = () => new Promise<LeftOut>((resolve) => going.push(() => resolve({})));
    add(3);
    const first = buffer.flush();
    await turn();
    add(2, 3);
    const second = buffer.flush();
    going.shift()?.();
    await turn();
    going.shift()?.();
    await Promise.all([first, second]);
    expect([batches, buffer.stats().waiting]).toEqual([
      [
        [0, 1, 2],
        [3, 4],
      ],
      0,
    ]);
    await buffer.close();
  });

  it("counts what a write left out", async () => {
    const { clock, buffer, add, world } = numbersBuffer();
    world.answer = () => ({ unknown: 1, notServed: 2 });
    add(5);
    await clock.advance(1_000);
    expect(buffer.stats()).toMatchObject({ written: 2, dropped: { unknown: 1, notServed: 2 } });
  });

  it("writes what is left when it is closed, and takes no more", async () => {
    const { clock, batches, buffer, add } = numbersBuffer();
    add(12);
    await buffer.close();
    expect(batches.flat()).toEqual(numbers(0, 12));
    add(2);
    await clock.advance(10_000);
    expect(buffer.stats()).toMatchObject({ waiting: 0, written: 12, dropped: { closed: 2 } });
    expect(clock.timers()).toBe(0);
  });

  it("counts what it could not write by its end, and ends all the same", async () => {
    const { clock, buffer, add, world } = numbersBuffer();
    world.answer = away;
    add(12);
    await buffer.close();
    await buffer.close();
    expect(buffer.stats()).toMatchObject({ waiting: 0, written: 0, dropped: { closed: 12 } });
    expect(clock.timers()).toBe(0);
  });

  it("loses and doubles nothing under any order of adding, failing and time", async () => {
    const commands = fc.array(fc.oneof(fc.nat(30), fc.constantFrom("fail", "mend", "wait")), {
      maxLength: 40,
    });
    const property = fc.asyncProperty(commands, async (taken) => {
      const { clock, batches, buffer, add, world } = numbersBuffer({ capacity: 40 });
      let added = 0;
      for (const command of taken) {
        if (command === "fail") world.answer = away;
        else if (command === "mend") world.answer = () => ({});
        else if (command === "wait") await clock.advance(700);
        else {
          add(command as number, added);
          added += command as number;
        }
        expect(buffer.stats().waiting).toBeLessThanOrEqual(40);
      }
      world.answer = () => ({});
      await buffer.close();
      const written = batches.flat();
      expect(written).toEqual([...new Set(written)].sort((one, other) => one - other));
      expect(written.length + buffer.stats().dropped.full).toBe(added);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});
