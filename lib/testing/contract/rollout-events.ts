import assert from "node:assert/strict";
import type { RolloutCount, RolloutEvent } from "../../feature-flags/core/storage.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { HOSTILE_IDS } from "./hostile-ids.ts";
import { countedIn, EVER, rolloutEvent } from "./rollout-writes.ts";
import { wholeState } from "./whole-state.ts";
import { WRITTEN_AT } from "./writes.ts";

const MINUTE = 60_000;
/** The start of a minute. */
const START = Date.UTC(2025, 0, 2, 3, 4);
const KINDS = ["disabled", "enabled", "error"] as const;

export const rolloutEvents = topic("rollout events", [
  contractCase(
    "an event counts once: in its batch, in the next one, and in any later one",
    async (storage) => {
      const [one, two] = [rolloutEvent(), rolloutEvent({ customerId: "cust_2" })];
      assert.equal(await storage.recordRolloutEvents([one, one, two, one]), 2);
      assert.equal(await storage.recordRolloutEvents([two, one]), 0);
      const other = rolloutEvent({ tier: 2, metadata: { why: "a second look" } });
      assert.equal(await storage.recordRolloutEvents([other]), 0, "tier and metadata make it no other event");
      assert.deepEqual(await storage.countRolloutEvents({ featureName: "one", ...EVER }), [
        { minute: START, tier: 1, event: "enabled", count: 2 },
      ]);
    },
  ),

  contractCase("feature, customer, kind and millisecond tell events apart", async (storage) => {
    const events = [
      rolloutEvent(),
      rolloutEvent({ featureName: "ONE" }),
      rolloutEvent({ customerId: "cust_1 " }),
      rolloutEvent({ event: "error" }),
      rolloutEvent({ event: "disabled" }),
      rolloutEvent({ timestamp: WRITTEN_AT + 1 }),
      rolloutEvent({ timestamp: WRITTEN_AT - 1 }),
    ];
    for (const event of events) assert.equal(await storage.recordRolloutEvents([event]), 1);
    assert.equal(await storage.recordRolloutEvents(events), 0);
    assert.deepEqual([await countedIn(storage, "one"), await countedIn(storage, "ONE")], [6, 1]);
  }),

  contractCase("features and customers are exact, whatever characters their names hold", async (storage) => {
    const ofFeatures = HOSTILE_IDS.map((featureName) => rolloutEvent({ featureName }));
    const ofCustomers = HOSTILE_IDS.map((customerId) => rolloutEvent({ featureName: "many", customerId }));
    assert.equal(await storage.recordRolloutEvents([...ofFeatures, ...ofCustomers]), 2 * HOSTILE_IDS.length);
    for (const name of HOSTILE_IDS) assert.equal(await countedIn(storage, name), 1, name);
    assert.equal(await countedIn(storage, "many"), HOSTILE_IDS.length);
    assert.equal(await storage.recordRolloutEvents(ofFeatures), 0);
  }),

  contractCase("no metadata makes a batch be refused", async (storage) => {
    const values = ["\u0000", "\ud800", "\u{1f600}", "' \" \\ $1 ?", "", null, true, -0.5, 1e300];
    const events = values.map((value, n) =>
      rolloutEvent({ customerId: `cust_${n}`, metadata: { value, "a \u0000 key": 1, "": value } }),
    );
    assert.equal(await storage.recordRolloutEvents(events), values.length);
  }),

  contractCase(
    "counts are listed by minute, then tier, then kind, and only those that are any",
    async (storage) => {
      const expected: RolloutCount[] = [];
      const events: RolloutEvent[] = [];
      for (const minute of [0, 1, 3].map((n) => START + n * MINUTE)) {
        for (const tier of [0, 2, 10]) {
          for (const [n, event] of KINDS.entries()) {
            if (tier === 2 && event === "error") continue;
            expected.push({ minute, tier, event, count: n + 1 });
            for (let one = 0; one <= n; one += 1) {
              events.push(
                rolloutEvent({ customerId: `cust_${one}_${tier}`, timestamp: minute + one, tier, event }),
              );
            }
          }
        }
      }
      assert.equal(await storage.recordRolloutEvents(events.toReversed()), events.length);
      const window = { featureName: "one", since: START, until: START + 4 * MINUTE };
      assert.deepEqual(plain(await storage.countRolloutEvents(window)), expected);
      assert.deepEqual(await storage.countRolloutEvents({ ...window, featureName: "two" }), []);
    },
  ),

  contractCase("a window counts to the millisecond at both of its ends", async (storage) => {
    // Around the borders of three minutes, and within them.
    const offsets = [0, 1, 2, 3].flatMap((n) => [-2, -1, 0, 1, 30_000].map((ms) => n * MINUTE + ms));
    const events = offsets.map((offset, n) =>
      rolloutEvent({ timestamp: START + offset, event: KINDS[n % 3] ?? "error", tier: n % 2 }),
    );
    await storage.recordRolloutEvents(events);
    await storage.recordRolloutEvents(events.map((event) => ({ ...event, featureName: "two" })));
    const edges = offsets.flatMap((offset) => [START + offset, START + offset + 1]);
    for (const since of edges) {
      for (const until of edges) {
        const counts = await storage.countRolloutEvents({ featureName: "one", since, until });
        const within = events.filter(({ timestamp }) => since <= timestamp && timestamp < until);
        assert.deepEqual(plain(counts), countsOf(within), `${since - START} to ${until - START}`);
      }
    }
  }),

  contractCase("events of any time are taken: late, long past and to come", async (storage) => {
    const times = [0, 1, WRITTEN_AT - 86_400_000, Date.UTC(2099, 0, 1)];
    await storage.recordRolloutEvents([rolloutEvent()]);
    for (const timestamp of times)
      assert.equal(await storage.recordRolloutEvents([rolloutEvent({ timestamp })]), 1);
    assert.equal(await countedIn(storage, "one"), times.length + 1);
  }),

  contractCase("a batch of twelve thousand is recorded whole, an empty one as nothing", async (storage) => {
    const events = Array.from({ length: 12_000 }, (_, n) =>
      rolloutEvent({ customerId: `cust_${n}`, timestamp: START + n * 10, tier: n % 2, metadata: { n } }),
    );
    assert.equal(await storage.recordRolloutEvents(events), events.length);
    assert.equal(await storage.recordRolloutEvents([...events, rolloutEvent()]), 1);
    assert.equal(await storage.recordRolloutEvents([]), 0);
    const window = { featureName: "one", since: START + 5, until: START + 115_005 };
    const within = events.filter(({ timestamp }) => window.since <= timestamp && timestamp < window.until);
    const counts = await storage.countRolloutEvents({ ...window, until: window.until });
    assert.equal(sum(counts), within.length + 1);
  }),

  contractCase("recording is no change: revision, feed and audit trail stay as they are", async (storage) => {
    const before = await wholeState(storage);
    await storage.recordRolloutEvents([rolloutEvent()]);
    await storage.countRolloutEvents({ featureName: "one", ...EVER });
    await storage.expireRolloutEvents({ eventsBefore: EVER.until, countsBefore: EVER.until });
    assert.deepEqual(await wholeState(storage), before);
  }),

  caseNeeding(
    ["queries"],
    "a window is counted with one query, whatever its ends",
    async (storage, harness) => {
      await storage.recordRolloutEvents([rolloutEvent()]);
      for (const [since, until] of [
        [START, START + MINUTE],
        [START + 1, START + 5 * MINUTE + 1],
        [START + 1, START + 2],
        [0, 0],
      ] as const) {
        const before = harness.queries();
        await storage.countRolloutEvents({ featureName: "one", since, until });
        assert.equal(harness.queries() - before, 1);
      }
    },
  ),

  caseNeeding(
    ["queries"],
    "five thousand events are recorded with as many queries as one",
    async (storage, harness) => {
      const events = Array.from({ length: 5_000 }, (_, n) => rolloutEvent({ customerId: `cust_${n}` }));
      const queries = async (batch: readonly RolloutEvent[]) => {
        const before = harness.queries();
        assert.equal(await storage.recordRolloutEvents(batch), batch.length);
        return harness.queries() - before;
      };
      const few = await queries([rolloutEvent({ featureName: "two" })]);
      assert.equal(await queries(events), few);
    },
  ),
]);

function countsOf(events: readonly RolloutEvent[]): readonly RolloutCount[] {
  const counts: RolloutCount[] = [];
  const minutes = new Set(events.map(({ timestamp }) => timestamp - (timestamp % MINUTE)));
  for (const minute of [...minutes].sort((one, other) => one - other)) {
    for (const tier of [0, 1]) {
      for (const event of KINDS) {
        const count = events.filter(
          (one) =>
            one.timestamp - (one.timestamp % MINUTE) === minute && one.tier === tier && one.event === event,
        ).length;
        if (count > 0) counts.push({ minute, tier, event, count });
      }
    }
  }
  return counts;
}

function plain(counts: readonly RolloutCount[]): readonly RolloutCount[] {
  return counts.map((one) => ({ ...one }));
}

function sum(counts: readonly RolloutCount[]): number {
  return counts.reduce((all, { count }) => all + count, 0);
}
