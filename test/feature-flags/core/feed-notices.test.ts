import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { following, save } from "../followed-feed.ts";
import { heldStorage, turn } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";

describe("notices", () => {
  it("that come while the feed is being read are not lost", async () => {
    const memory = memoryStorage();
    const held = heldStorage(memory, "changesSince");
    const { feed, applied, begin } = following(held.storage);
    await begin();
    await turn();
    await save(memory, "first");
    await held.reached(1);
    await save(memory, "second");
    await turn();
    await held.release("oldest");
    await held.reached(2);
    await held.release("oldest");
    await turn();
    held.releaseAll();
    await turn();
    expect(applied).toEqual(["first", "second"]);
    feed.close();
  });

  it("that come while changes are being applied are not lost, and nothing is applied twice or at once", async () => {
    const memory = memoryStorage();
    const going: (() => void)[] = [];
    let running = 0;
    const seen: (string | undefined)[] = [];
    const { feed, begin } = following(memory, {
      apply: async (events) => {
        running += 1;
        expect(running).toBe(1);
        await new Promise<void>((resolve) => going.push(resolve));
        seen.push(...events.map(({ id }) => id));
        running -= 1;
      },
    });
    await begin();
    await turn();
    for (let change = 0; change < 5; change += 1) {
      await save(memory, `c${change}`);
      await turn();
    }
    expect([running, seen]).toEqual([1, []]);
    while (seen.length < 5) {
      going.shift()?.();
      await turn();
    }
    expect(seen).toEqual(["c0", "c1", "c2", "c3", "c4"]);
    feed.close();
  });

  it("are put together: many that come during one read cost one more", async () => {
    const memory = memoryStorage();
    const held = heldStorage(memory, "changesSince");
    const { feed, applied, begin } = following(held.storage);
    await begin();
    await turn();
    await save(memory, "first");
    await held.reached(1);
    for (let change = 0; change < 500; change += 1) {
      await save(memory, `c${change}`);
      await turn();
    }
    held.releaseAll();
    await feed.catchUp();
    expect([applied.length, held.calls()]).toEqual([501, 2]);
    feed.close();
  });

  it("are asked for as soon as the storage can be opened, if it could not at first", async () => {
    const memory = memoryStorage();
    let listeners = 0;
    let refusals = 0;
    const storage: FlagStorage = {
      ...memory,
      subscribe: (listener) => {
        if (refusals > 0) {
          refusals -= 1;
          throw new Error("no connection is free");
        }
        listeners += 1;
        return memory.subscribe?.(listener) ?? (() => {});
      },
    };
    refusals = 2;
    const { clock, feed, applied, begin } = following(storage);
    await begin();
    await turn();
    expect(listeners).toBe(0);
    await clock.advance(10_000);
    expect(listeners).toBe(1);
    await save(memory, "told");
    await turn();
    expect(applied).toEqual(["told"]);
    feed.close();
  });

  it("are asked for once, also by a feed that is told of changes all the time", async () => {
    const memory = memoryStorage();
    let listeners = 0;
    const storage: FlagStorage = {
      ...memory,
      subscribe: (listener) => {
        listeners += 1;
        return memory.subscribe?.(listener) ?? (() => {});
      },
    };
    const { clock, feed, begin } = following(storage);
    await begin();
    for (let change = 0; change < 20; change += 1) {
      await save(memory, `c${change}`);
      await clock.advance(500);
    }
    expect(listeners).toBe(1);
    feed.close();
  });

  it("end with the feed, also where it was closed while they were being asked for", async () => {
    const memory = memoryStorage();
    const listening = new Set<() => void>();
    const storage: FlagStorage = {
      ...memory,
      subscribe: (listener) => {
        listening.add(listener);
        return () => void listening.delete(listener);
      },
    };
    const { feed, begin } = following(storage);
    await begin();
    await turn();
    expect(listening.size).toBe(1);
    feed.close();
    expect(listening.size).toBe(0);

    const hurried = following(async () => storage);
    hurried.feed.start(await memory.readState());
    hurried.feed.close();
    await turn();
    expect(listening.size).toBe(0);
    expect(hurried.clock.timers()).toBe(0);
  });

  it("that come after closing do nothing", async () => {
    const memory = memoryStorage();
    let tell = (): void => {};
    const outage = outageStorage({
      ...memory,
      subscribe: (listener) => {
        tell = listener;
        return () => {};
      },
    });
    const { clock, feed, applied, begin } = following(outage.storage);
    await begin();
    await turn();
    feed.close();
    outage.calls.length = 0;
    tell();
    await clock.advance(60_000);
    expect([outage.calls, applied, clock.timers()]).toEqual([[], [], 0]);
  });
});
