import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { following, save } from "../followed-feed.ts";
import { heldStorage, turn, unannounced } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";

describe("catching up", () => {
  it("resolves only once everything is applied that was committed before the call", async () => {
    const memory = unannounced(memoryStorage());
    const held = heldStorage(memory, "changesSince");
    const { feed, applied, begin } = following(held.storage);
    await begin();
    const early = feed.catchUp();
    await held.reached(1);
    await save(memory, "between");
    let isDone = false;
    const late = feed.catchUp().then(() => {
      isDone = true;
    });
    await held.release("oldest");
    await turn();
    expect([isDone, applied]).toEqual([false, []]);
    held.releaseAll();
    await late;
    await early;
    expect(applied).toEqual(["between"]);
    feed.close();
  });

  it("rejects if storage cannot say, or what was read cannot be applied; the next try applies it", async () => {
    const memory = unannounced(memoryStorage());
    const outage = outageStorage(memory);
    const seen: (string | undefined)[] = [];
    let isApplicable = false;
    const { feed, begin } = following(outage.storage, {
      apply: async (events) => {
        if (!isApplicable) throw new Error("the rows could not be read");
        seen.push(...events.map(({ id }) => id));
      },
    });
    await begin();
    await save(memory, "first");
    outage.mode = "down";
    await expect(feed.catchUp()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    outage.mode = "up";
    await expect(feed.catchUp()).rejects.toThrow("the rows could not be read");
    expect(feed.state?.revision).toBe(0);
    isApplicable = true;
    await feed.catchUp();
    expect([seen, feed.state?.revision]).toEqual([["first"], 1]);
    feed.close();
  });

  it("says nothing of what storage was not asked for", async () => {
    const { feed } = following(memoryStorage());
    await feed.catchUp();
    expect([feed.state, feed.confirmedAt]).toEqual([undefined, undefined]);
    feed.close();
  });

  it("rejects after closing instead of claiming that all is applied", async () => {
    const memory = unannounced(memoryStorage());
    const { feed, begin } = following(memory);
    await begin();
    feed.close();
    await expect(feed.catchUp()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("what was read elsewhere", () => {
  const at = (epoch: string, revision: number) => ({ epoch, revision });

  it("may be kept unless changes have been applied since, or it is of another life of the database", async () => {
    const memory = unannounced(memoryStorage());
    const { epoch } = await memory.readState();
    for (let change = 0; change < 5; change += 1) await save(memory, `c${change}`);
    const { feed, resets } = following(memory);
    expect(feed.accepts(at(epoch, 3))).toBe(true);
    expect(feed.state).toEqual({ epoch, revision: 3 });
    expect([2, 3, 4].map((revision) => feed.accepts(at(epoch, revision)))).toEqual([false, true, true]);
    await feed.catchUp();
    expect([4, 5].map((revision) => feed.accepts(at(epoch, revision)))).toEqual([false, true]);
    expect(feed.accepts(at("restored", 9))).toBe(false);
    await turn();
    expect([resets.count, feed.state]).toEqual([0, { epoch, revision: 5 }]);
    feed.close();
  });

  it("begins nothing once the feed is closed", async () => {
    const { clock, feed } = following(memoryStorage());
    feed.close();
    expect(feed.accepts(at("any", 3))).toBe(true);
    await clock.advance(60_000);
    expect([feed.state, clock.timers()]).toEqual([undefined, 0]);
  });

  it("takes the feed back where everything in memory is older: what lies between is applied again", async () => {
    const memory = unannounced(memoryStorage());
    const { epoch } = await memory.readState();
    for (let change = 0; change < 5; change += 1) await save(memory, `c${change}`);
    const held = heldStorage(memory, "changesSince");
    const { feed, applied } = following(held.storage);
    feed.accepts(at(epoch, 4));
    const catchingUp = feed.catchUp();
    await held.reached(1);
    feed.start(at(epoch, 2));
    held.releaseAll();
    await catchingUp;
    await feed.catchUp();
    expect(applied.slice(-3)).toEqual(["c2", "c3", "c4"]);
    expect(feed.state?.revision).toBe(5);
    feed.close();
  });
});
