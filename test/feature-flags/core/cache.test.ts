import { describe, expect, it } from "vitest";
import { FlagCache } from "../../../lib/feature-flags/core/cache.ts";
import { manualClock } from "../../../lib/testing/index.ts";

const cust = (customerId: string, organizationId?: string) => ({ customerId, organizationId });
const DAY = 86_400_000;

describe("expiry", () => {
  it("answers for five minutes by default, and not longer", async () => {
    const clock = manualClock();
    const cache = new FlagCache<string>({ clock });
    cache.set(cust("a"), "answer");
    await clock.advance(299_000);
    expect(cache.get(cust("a"))).toBe("answer");
    await clock.advance(2_000);
    expect(cache.get(cust("a"))).toBeUndefined();
    expect(cache.lastKnown(cust("a"))).toBe("answer");
  });

  it("takes the TTL as a number, and by it ends each entry at its own time", async () => {
    const clock = manualClock();
    const cache = new FlagCache<string>({ ttl: 10_000, clock });
    cache.set(cust("a"), "early");
    await clock.advance(6_000);
    cache.set(cust("b"), "late");
    await clock.advance(5_000);
    expect([cache.get(cust("a")), cache.get(cust("b"))]).toEqual([undefined, "late"]);
    expect(new FlagCache<string>(10_000).get(cust("a"))).toBeUndefined();
  });

  it("keeps nothing for a TTL of zero or less, but knows the last answer", () => {
    for (const ttl of [0, -5]) {
      const cache = new FlagCache<string>({ ttl, clock: manualClock() });
      cache.set(cust("a"), "answer");
      expect([cache.get(cust("a")), cache.lastKnown(cust("a"))]).toEqual([undefined, "answer"]);
    }
  });

  it("goes by the defaults for numbers that are none", async () => {
    const clock = manualClock();
    const cache = new FlagCache<number>({ ttl: Number.NaN, maxEntries: Number.NaN, clock });
    cache.set(cust("a"), 1);
    await clock.advance(301_000);
    expect(cache.get(cust("a"))).toBeUndefined();
    for (let entry = 0; entry <= 100_000; entry += 1) cache.set(cust(`c${entry}`), entry);
    expect(cache.getStats().size).toBeLessThanOrEqual(100_000);
  });

  it("goes on for weeks: an entry lives across the moment when time is counted anew", async () => {
    const clock = manualClock();
    const cache = new FlagCache<string>({ ttl: 6 * DAY, clock });
    await clock.advance(12 * DAY);
    cache.set(cust("a"), "from day 12");
    cache.set(cust("gone"), "invalidated");
    cache.invalidateCustomer("gone");
    await clock.advance(DAY);
    cache.set(cust("b"), "from day 13");
    expect(cache.get(cust("a"))).toBe("from day 12");
    expect(cache.get(cust("gone"))).toBeUndefined();
    expect(cache.getStats().size).toBe(2);
    await clock.advance(5 * DAY);
    expect(cache.get(cust("a"))).toBeUndefined();
    expect(cache.get(cust("b"))).toBe("from day 13");
    await clock.advance(20 * DAY);
    expect(cache.get(cust("b"))).toBeUndefined();
    cache.set(cust("c"), "from day 38");
    expect(cache.get(cust("c"))).toBe("from day 38");
  });

  it("stays right when the machine's clock is set back", async () => {
    let time = 1_000_000;
    const clock = { ...manualClock(), now: () => time };
    const cache = new FlagCache<string>({ ttl: 10_000, clock });
    time = 0;
    cache.set(cust("a"), "answer");
    expect(cache.get(cust("a"))).toBe("answer");
  });
});

describe("room", () => {
  it("is made by the least recently used, where both reading and writing are use", () => {
    const cache = new FlagCache<number>({ maxEntries: 3, clock: manualClock() });
    for (const [index, id] of ["a", "b", "c"].entries()) cache.set(cust(id), index);
    cache.get(cust("a"));
    cache.set(cust("b"), 9);
    cache.set(cust("d"), 3);
    expect(["a", "b", "c", "d"].filter((id) => cache.lastKnown(cust(id)) !== undefined)).toEqual([
      ...["a", "b", "d"],
    ]);
    cache.get(cust("a"));
    cache.set(cust("e"), 4);
    cache.set(cust("f"), 5);
    expect(
      cache
        .getStats()
        .keys.map(({ customerId }) => customerId)
        .sort(),
    ).toEqual(["a", "e", "f"]);
    expect(cache.getStats().evictions).toBe(3);
  });

  it("is made for a hundredth at once in a large cache, in exactly the order of use", () => {
    const cache = new FlagCache<number>({ maxEntries: 1_000, clock: manualClock() });
    for (let index = 0; index < 1_000; index += 1) cache.set(cust(`c${index}`), index);
    for (let index = 0; index < 1_000; index += 2) cache.get(cust(`c${index}`));
    cache.set(cust("new"), 0);
    const gone = Array.from({ length: 1_000 }, (_, index) => index).filter(
      (index) => cache.lastKnown(cust(`c${index}`)) === undefined,
    );
    expect(gone).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21]);
    expect(cache.getStats()).toMatchObject({ size: 990, evictions: 11 });
  });

  it("never grows past its bound, not by entries that were invalidated either", () => {
    const cache = new FlagCache<number>({ maxEntries: 50, clock: manualClock() });
    for (let index = 0; index < 500; index += 1) {
      cache.set(cust(`c${index}`, `o${index % 7}`), index);
      if (index % 3 === 0) cache.invalidateOrganization(`o${index % 5}`);
    }
    const known = Array.from({ length: 500 }, (_, index) =>
      cache.lastKnown(cust(`c${index}`, `o${index % 7}`)),
    );
    expect(known.filter((value) => value !== undefined)).toHaveLength(50);
    expect(cache.getStats().size).toBe(cache.getStats().keys.length);
  });
});

describe("keys", () => {
  it("are pairs that no other pair is taken for", () => {
    const cache = new FlagCache<number>({ clock: manualClock() });
    const pairs = [
      ...[
        ["a", "b"],
        ["b", "a"],
        ["a", undefined],
        [undefined, "a"],
        [undefined, undefined],
        ["a:b", undefined],
      ],
      ...[
        ["a", ":b"],
        ["a:", "b"],
        ["", "ab"],
        ["ab", ""],
        ["a\u0000", "b"],
        ["undefined", undefined],
        ["null", "b"],
      ],
      ...[
        ["__proto__", undefined],
        [undefined, "__proto__"],
        ["constructor", "toString"],
        ['a","b', undefined],
      ],
    ].map(([customerId, organizationId]) => ({ customerId, organizationId }));
    for (const [index, pair] of pairs.entries()) cache.set(pair, index);
    expect(pairs.map((pair) => cache.get(pair))).toEqual(pairs.map((_, index) => index));
    expect(cache.getStats().size).toBe(pairs.length);
  });
});

describe("invalidation", () => {
  function filled(): FlagCache<string> {
    const cache = new FlagCache<string>({ clock: manualClock() });
    cache.set({ organizationId: "org_1" }, "org_1");
    cache.set({ organizationId: "org_12" }, "org_12");
    cache.set(cust("cust_1", "org_1"), "named");
    cache.set(cust("cust_2"), "by directory", "org_1");
    cache.set(cust("cust_3", "org_12"), "of the other");
    cache.set(cust("cust_4"), "of nobody");
    return cache;
  }
  const answers = (cache: FlagCache<string>) =>
    cache
      .getStats()
      .keys.map((key) => cache.get(key))
      .sort();

  it("of an organization ends it and its customers, named or by directory, and never org_12", () => {
    const cache = filled();
    cache.invalidateOrganization("org_1");
    expect(answers(cache)).toEqual(["of nobody", "of the other", "org_12"]);
    expect(cache.lastKnown(cust("cust_2"))).toBe("by directory");
  });

  it("of a customer ends it under every organization, and nobody else", () => {
    const cache = filled();
    cache.set(cust("cust_1"), "without");
    cache.set(cust("cust_1", "org_12"), "elsewhere");
    cache.set(cust("cust_12"), "another");
    cache.invalidateCustomer("cust_1");
    expect(answers(cache)).toEqual([
      "another",
      "by directory",
      "of nobody",
      "of the other",
      "org_1",
      "org_12",
    ]);
  });

  it("goes by the organization through which an answer was resolved last", () => {
    const cache = filled();
    cache.set(cust("cust_2"), "moved", "org_12");
    cache.invalidateOrganization("org_1");
    expect(cache.get(cust("cust_2"))).toBe("moved");
    cache.invalidateOrganization("org_12");
    expect(cache.get(cust("cust_2"))).toBeUndefined();
  });

  it("of all keeps the last known answers; clearing forgets them", () => {
    const cache = filled();
    cache.invalidateAll();
    expect(answers(cache)).toEqual([]);
    expect(cache.lastKnown(cust("cust_4"))).toBe("of nobody");
    cache.clear();
    expect(cache.lastKnown(cust("cust_4"))).toBeUndefined();
  });

  it("of what is not there does nothing", () => {
    const cache = filled();
    for (const id of ["", "org", "cust", "org_", "%", "__proto__"]) {
      cache.invalidateCustomer(id);
      cache.invalidateOrganization(id);
    }
    expect(cache.getStats().size).toBe(6);
  });
});

describe("ending the answers of those a change concerns", () => {
  const endAll = (cache: FlagCache<string>) => cache.invalidateWhere(() => true);

  it("misses none of a customer who comes to be one of very many organizations meanwhile", () => {
    const cache = new FlagCache<string>({ clock: manualClock() });
    const organizations = Array.from({ length: 8 }, (_, index) => `org_${index}`);
    // So that the first pause comes in the middle of the customer's.
    for (let index = 0; index < 1_996; index += 1) cache.set({ organizationId: `other_${index}` }, "old");
    for (const id of organizations) cache.set(cust("guest", id), "old");
    const ending = endAll(cache);
    ending.next();
    cache.set(cust("guest", "org_8"), "new");
    for (const _ of ending);
    expect(organizations.filter((id) => cache.get(cust("guest", id)) === "old")).toEqual([]);
  });

  it("leaves room for other work, however many there are", () => {
    const cache = new FlagCache<string>({ clock: manualClock() });
    for (let index = 0; index < 10_000; index += 1) cache.set(cust(`cust_${index}`), "old");
    expect([...endAll(cache)].length).toBeGreaterThan(3);
    expect(cache.getStats().size).toBe(0);
  });
});

describe("statistics", () => {
  it("count hits, misses and their rate, and hand out what cannot change the cache", () => {
    const cache = new FlagCache<number>({ clock: manualClock() });
    expect(cache.getStats().hitRate).toBe(0);
    cache.set(cust("a"), 1);
    for (const id of ["a", "a", "a", "b"]) cache.get(cust(id));
    const stats = cache.getStats();
    expect(stats).toMatchObject({
      size: 1,
      hits: 3,
      misses: 1,
      hitRate: 0.75,
      evictions: 0,
      staleAnswers: 0,
    });
    expect(Object.isFrozen(stats)).toBe(true);
    for (const key of stats.keys) Reflect.set(key, "customerId", "spoiled");
    expect(cache.get(cust("a"))).toBe(1);
  });
});

it("finds its way quickly among many organizations of one customer", () => {
  const cache = new FlagCache<number>({ maxEntries: 40_000, clock: manualClock() });
  for (let index = 0; index < 40_000; index += 1) cache.set(cust("guest", `org_${index}`), index);
  for (let index = 0; index < 40_000; index += 1) {
    if (cache.get(cust("guest", `org_${index}`)) !== index) throw new Error(`lost org_${index}`);
  }
  cache.invalidateOrganization("org_7");
  expect(cache.getStats().size).toBe(39_999);
});
