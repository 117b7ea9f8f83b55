import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FeedEvent, FeedNotice } from "../../../lib/feature-flags/core/storage.ts";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { following, save } from "../followed-feed.ts";
import { turn } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";

/** A storage whose notices the test sends, and a feed that follows it. */
async function toldFeed(options: Parameters<typeof following>[1] = {}) {
  const memory = memoryStorage();
  const { epoch } = await memory.readState();
  let listener: (notice?: FeedNotice) => void = () => {};
  let mode: "listen" | "poll" = "listen";
  const outage = outageStorage({
    ...memory,
    subscribe: (told) => {
      listener = told;
      return () => {};
    },
    feedMode: () => mode,
  });
  const follow = following(outage.storage, options);
  await follow.begin();
  await turn();
  const notice = (revision: number, id: string): FeedNotice => ({ epoch, revision, scope: "customer", id });
  return {
    ...follow,
    memory,
    outage,
    notice,
    /** How often the tables were asked since the last time this was. */
    asked: () => outage.calls.splice(0).filter((call) => call === "changesSince").length,
    tell: async (...notices: (FeedNotice | undefined)[]) => {
      for (const told of notices) listener(told);
      await turn();
    },
    become: async (next: typeof mode) => {
      mode = next;
      listener();
      await turn();
    },
  };
}

/** What was committed, as notices. */
async function committed(storage: FlagStorage): Promise<FeedNotice[]> {
  const { epoch, events } = await storage.changesSince(0, 1_000);
  return events.map((event) => ({ ...event, epoch }));
}

describe("a notice that says what was committed", () => {
  it("is applied without asking the tables", async () => {
    const { memory, notice, tell, applied, asked, feed } = await toldFeed();
    await save(memory, "a");
    await save(memory, "b");
    asked();
    await tell(notice(1, "a"), notice(2, "b"));
    expect([applied, feed.state?.revision, asked()]).toEqual([["a", "b"], 2, 0]);
    feed.close();
  });

  it("makes the feed ask where one is missing before it", async () => {
    const { memory, notice, tell, applied, asked, feed } = await toldFeed();
    for (const id of ["a", "b", "c"]) await save(memory, id);
    asked();
    await tell(notice(1, "a"), notice(3, "c"));
    expect([applied, feed.state?.revision, asked()]).toEqual([["a", "b", "c"], 3, 1]);
    feed.close();
  });

  it("is left aside when it comes late or again", async () => {
    const { memory, notice, tell, applied, asked, feed } = await toldFeed();
    await save(memory, "a");
    await feed.catchUp();
    await save(memory, "b");
    asked();
    await tell(notice(1, "a"), notice(2, "b"), notice(2, "b"));
    expect([applied, asked()]).toEqual([["a", "b"], 0]);
    feed.close();
  });

  it("of another epoch makes the feed ask, and is not believed", async () => {
    const { notice, tell, applied, asked, feed, resets } = await toldFeed();
    asked();
    await tell({ ...notice(1, "a"), epoch: "of another life" });
    expect([applied, asked(), resets.count, feed.state?.revision]).toEqual([[], 1, 0, 0]);
    feed.close();
  });

  it("is not applied a second time by the poll that confirms it", async () => {
    const { memory, notice, tell, applied, asked, feed } = await toldFeed();
    await save(memory, "a");
    await tell(notice(1, "a"));
    await save(memory, "b");
    asked();
    await feed.catchUp();
    expect([applied, asked()]).toEqual([["a", "b"], 1]);
    feed.close();
  });

  it("that was forged hides nothing for longer than until the next poll", async () => {
    const { memory, notice, tell, applied, clock, feed } = await toldFeed();
    await save(memory, "true");
    await tell(notice(1, "forged"));
    expect(applied).toEqual(["forged"]);
    await clock.advance(6_000);
    expect([applied, feed.state?.revision]).toEqual([["forged", "true"], 1]);
    feed.close();
  });

  it("that speaks of what never was committed makes the next poll read everything anew", async () => {
    const { notice, tell, clock, feed, resets } = await toldFeed();
    await tell(notice(1, "forged"));
    expect(feed.state?.revision).toBe(1);
    await clock.advance(6_000);
    expect([resets.count, feed.state?.revision]).toEqual([1, 0]);
    feed.close();
  });

  it("waits for what is being applied, and is applied together with those that came meanwhile", async () => {
    const going: (() => void)[] = [];
    const batches: (string | undefined)[][] = [];
    const apply = async (events: readonly FeedEvent[]) => {
      batches.push(events.map(({ id }) => id));
      await new Promise<void>((resolve) => going.push(resolve));
    };
    const { notice, tell, feed } = await toldFeed({ apply });
    await tell(notice(1, "a"));
    await tell(notice(2, "b"));
    await tell(notice(3, "c"));
    expect(batches).toEqual([["a"]]);
    going.shift()?.();
    await turn();
    expect(batches).toEqual([["a"], ["b", "c"]]);
    feed.close();
  });

  it("that could not be applied is asked for again", async () => {
    let failures = 1;
    const applied: (string | undefined)[] = [];
    const apply = async (events: readonly FeedEvent[]) => {
      failures -= 1;
      if (failures >= 0) throw new Error("no connection is free");
      applied.push(...events.map(({ id }) => id));
    };
    const { memory, notice, tell, clock, errors, feed } = await toldFeed({ apply });
    await save(memory, "a");
    await tell(notice(1, "a"));
    expect([applied, errors.length]).toEqual([[], 1]);
    await clock.advance(500);
    expect(applied).toEqual(["a"]);
    feed.close();
  });

  it("does not keep the tables from being asked, however many come", async () => {
    let left = 50;
    const world = { commit: async (): Promise<void> => {} };
    const { memory, notice, tell, asked, feed } = await toldFeed({ apply: () => world.commit() });
    world.commit = async () => {
      if (left === 0) return;
      left -= 1;
      await save(memory, "busy");
      await tell(notice(50 - left, "busy"));
    };
    await world.commit();
    asked();
    await feed.catchUp();
    expect([left > 40, asked() > 0]).toEqual([true, true]);
    left = 0;
    feed.close();
  });

  it("is one of so many that the tables are asked before all of them are remembered", async () => {
    const { notice, tell, asked, feed } = await toldFeed();
    asked();
    await tell(...Array.from({ length: 10_000 }, (_, index) => notice(index + 1, "busy")));
    expect(asked()).toBe(0);
    await tell(notice(10_001, "busy"));
    expect(asked()).toBeGreaterThan(0);
    feed.close();
  });
});

describe("the poll", () => {
  it("is five times as seldom beside notices, and at its pace as soon as they cease", async () => {
    const { clock, asked, become, feed } = await toldFeed();
    asked();
    await clock.advance(25_000);
    expect(asked()).toBe(5);
    await become("poll");
    asked();
    await clock.advance(10_000);
    expect(asked()).toBe(10);
    await become("listen");
    asked();
    await clock.advance(25_000);
    expect(asked()).toBe(5);
    feed.close();
  });
});

describe("whatever notices come, in whatever order, lost, twice or forged", () => {
  const notices = fc.array(
    fc.record({
      place: fc.nat(40),
      how: fc.constantFrom("true", "true", "true", "forged", "unknown", "poll"),
    }),
    { maxLength: 60 },
  );

  it("every committed change has been applied once the tables were asked", async () => {
    await fc.assert(
      fc.asyncProperty(notices, async (order) => {
        const { memory, tell, clock, applied, feed } = await toldFeed();
        for (let change = 0; change < 20; change += 1) await save(memory, `c${change}`);
        const truth = await committed(memory);
        let reached = 0;
        for (const { place, how } of order) {
          const event = truth[place % truth.length];
          if (event === undefined || how === "unknown") await tell(undefined);
          else if (how === "poll") await clock.advance(6_000);
          else await tell(how === "true" ? event : { ...event, id: "forged" });
          expect(feed.state?.revision).toBeGreaterThanOrEqual(reached);
          reached = feed.state?.revision ?? -1;
        }
        await feed.catchUp();
        expect(feed.state?.revision).toBe(20);
        expect(new Set(applied.filter((id) => id !== "forged"))).toEqual(new Set(truth.map(({ id }) => id)));
        feed.close();
      }),
      { numRuns: 150 },
    );
  });
});
