import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { contractCase, topic } from "./contract-case.ts";
import { countedIn, EVER, rolloutEvent } from "./rollout-writes.ts";

const MINUTE = 60_000;
/** The start of a minute. */
const START = Date.UTC(2025, 0, 2, 3, 4);
const NEVER = 0;

export const rolloutExpiry = topic("forgetting rollout events", [
  contractCase("counts stay when their events are forgotten", async (storage) => {
    await recordMinutes(storage, 4);
    await storage.expireRolloutEvents({ eventsBefore: START + 2 * MINUTE, countsBefore: NEVER });
    assert.deepEqual(await minutesCounted(storage, START, START + 4 * MINUTE), [3, 3, 3, 3]);
    // What is left of a minute whose events are gone cannot be told from the count of the whole.
    assert.deepEqual(await minutesCounted(storage, START + 1, START + 4 * MINUTE - 1), [0, 3, 3, 2]);
    assert.deepEqual(await minutesCounted(storage, START + 2 * MINUTE + 1, START + 4 * MINUTE), [0, 0, 2, 3]);
  }),

  contractCase("only what belongs to minutes that were over is forgotten", async (storage) => {
    await recordMinutes(storage, 3);
    await storage.expireRolloutEvents({
      eventsBefore: START + 2 * MINUTE - 1,
      countsBefore: START + MINUTE - 1,
    });
    assert.deepEqual(await minutesCounted(storage, START, START + 3 * MINUTE), [3, 3, 3]);
    assert.deepEqual(await minutesCounted(storage, START + MINUTE + 1, START + 2 * MINUTE), [0, 2]);
    await storage.expireRolloutEvents({ eventsBefore: START + 2 * MINUTE, countsBefore: START + MINUTE });
    assert.deepEqual(await minutesCounted(storage, START, START + 3 * MINUTE), [0, 3, 3]);
    assert.deepEqual(await minutesCounted(storage, START + MINUTE + 1, START + 2 * MINUTE), [0, 0]);
  }),

  contractCase(
    "what is forgotten goes for every feature, and what is not stays for every one",
    async (storage) => {
      const names = ["", "a", "a b", "one", "\u{1f600}", "\uff21"].map((name) => `feature ${name}`);
      for (const featureName of names) {
        const events = [0, 1].map((n) => rolloutEvent({ featureName, timestamp: START + n * MINUTE }));
        await storage.recordRolloutEvents(events);
      }
      await storage.expireRolloutEvents({ eventsBefore: START + MINUTE, countsBefore: START + MINUTE });
      for (const name of names) assert.equal(await countedIn(storage, name), 1, name);
      await storage.expireRolloutEvents({ eventsBefore: START + MINUTE, countsBefore: START + MINUTE });
      for (const name of names) assert.equal(await countedIn(storage, name), 1, name);
    },
  ),

  contractCase("a forgotten event never counts again, nor does one as old", async (storage) => {
    await recordMinutes(storage, 3);
    await storage.expireRolloutEvents({ eventsBefore: START + 2 * MINUTE, countsBefore: NEVER });
    const again = [0, 1, 2].map((n) => rolloutEvent({ timestamp: START + n }));
    assert.equal(await storage.recordRolloutEvents(again), 0);
    const asOld = [
      rolloutEvent({ customerId: "late", timestamp: START }),
      rolloutEvent({ customerId: "late", timestamp: START + 2 * MINUTE - 1 }),
    ];
    assert.equal(await storage.recordRolloutEvents(asOld), 0);
    const first = rolloutEvent({ customerId: "late", timestamp: START + 2 * MINUTE });
    assert.equal(await storage.recordRolloutEvents([...asOld, first]), 1);
    assert.deepEqual(await minutesCounted(storage, START, START + 3 * MINUTE), [3, 3, 4]);
  }),

  contractCase("forgetting ahead of time keeps no later event out", async (storage) => {
    await storage.expireRolloutEvents({ eventsBefore: EVER.until, countsBefore: EVER.until });
    assert.equal(await recordMinutes(storage, 1), 3);
    await storage.expireRolloutEvents({ eventsBefore: EVER.until, countsBefore: NEVER });
    const next = rolloutEvent({ timestamp: START + MINUTE });
    assert.equal(await storage.recordRolloutEvents([next]), 1);
    assert.deepEqual(await minutesCounted(storage, START, START + 2 * MINUTE), [3, 1]);
  }),

  contractCase("thirty thousand events are forgotten at once", async (storage) => {
    for (let batch = 0; batch < 3; batch += 1) {
      const events = Array.from({ length: 10_000 }, (_, n) =>
        rolloutEvent({ customerId: `cust_${batch}_${n}`, timestamp: START + (n % 7_000) }),
      );
      await storage.recordRolloutEvents(events);
    }
    await storage.expireRolloutEvents({ eventsBefore: START + MINUTE, countsBefore: NEVER });
    assert.deepEqual(
      await storage.countRolloutEvents({ featureName: "one", since: START, until: START + 7_000 }),
      [],
    );
    assert.equal(await countedIn(storage, "one"), 30_000);
  }),
]);

/** Three events in each minute: in its first three milliseconds but the last one, whose third is its last. */
async function recordMinutes(storage: FlagStorage, minutes: number): Promise<number> {
  const events = Array.from({ length: minutes }, (_, n) => n * MINUTE).flatMap((minute) =>
    [0, 1, MINUTE - 1].map((ms) => rolloutEvent({ timestamp: START + minute + ms })),
  );
  return storage.recordRolloutEvents(events);
}

/** What a window counts, minute by minute from `START` to its end. */
async function minutesCounted(
  storage: FlagStorage,
  since: number,
  until: number,
): Promise<readonly number[]> {
  const counts = await storage.countRolloutEvents({ featureName: "one", since, until });
  const minutes = Array.from({ length: Math.ceil((until - START) / MINUTE) }, (_, n) => START + n * MINUTE);
  return minutes.map((minute) =>
    counts.filter((one) => one.minute === minute).reduce((sum, { count }) => sum + count, 0),
  );
}
