import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { HOSTILE_IDS } from "./hostile-ids.ts";
import { wholeState } from "./whole-state.ts";
import { WRITTEN_AT } from "./writes.ts";

export const leases = topic("leases", [
  contractCase("a lease that is held is refused to others until it runs out", async (storage) => {
    assert.equal(await take(storage, "a", 0, 100), true);
    assert.equal(await take(storage, "b", 0, 200), false);
    assert.equal(await take(storage, "b", 99, 200), false);
    assert.equal(await take(storage, "b", 100, 200), true, "at its end it is free");
    assert.equal(await take(storage, "a", 199, 300), false);
    assert.equal(await take(storage, "a", 1_000, 2_000), true);
  }),

  contractCase("a holder may take its lease again, for longer or for shorter", async (storage) => {
    assert.equal(await take(storage, "a", 0, 100), true);
    assert.equal(await take(storage, "a", 50, 200), true);
    assert.equal(await take(storage, "b", 199, 300), false);
    assert.equal(await take(storage, "a", 60, 80), true);
    assert.equal(await take(storage, "b", 79, 300), false);
    assert.equal(await take(storage, "b", 80, 300), true);
    assert.equal(await take(storage, "a", 90, 300), false);
  }),

  contractCase("a lease is given back by its holder alone", async (storage) => {
    assert.equal(await take(storage, "a", 0, 100), true);
    await storage.releaseLease("one", "b");
    await storage.releaseLease("other", "a");
    await storage.releaseLease("unknown", "unknown");
    assert.equal(await take(storage, "b", 1, 100), false);
    await storage.releaseLease("one", "a");
    assert.equal(await take(storage, "b", 1, 100), true);
    await storage.releaseLease("one", "a");
    assert.equal(await take(storage, "a", 2, 100), false, "it was another's by then");
  }),

  contractCase("names and holders of leases are exact, whatever characters they hold", async (storage) => {
    const lease = (name: string, holder: string) => ({
      ...{ name, holder },
      ...{ now: WRITTEN_AT, until: WRITTEN_AT + 1 },
    });
    for (const id of HOSTILE_IDS) assert.equal(await storage.takeLease(lease(id, id)), true, id);
    for (const [n, id] of HOSTILE_IDS.entries()) {
      const other = HOSTILE_IDS[(n + 1) % HOSTILE_IDS.length] ?? "";
      assert.equal(await storage.takeLease(lease(id, other)), false, id);
      assert.equal(await storage.takeLease(lease(id, id)), true, id);
    }
  }),

  contractCase("a lease is no change: revision, feed and audit trail stay as they are", async (storage) => {
    const before = await wholeState(storage);
    await take(storage, "a", 0, 100);
    await take(storage, "b", 0, 100);
    await storage.releaseLease("one", "a");
    assert.deepEqual(await wholeState(storage), before);
  }),

  contractCase("of twenty that ask for a lease at once, one gets it", async (storage) => {
    for (const now of [0, 100, 200]) {
      assert.equal((await askAtOnce(() => storage, now)).length, 1, `at ${now}`);
    }
  }),

  caseNeeding(
    ["another"],
    "of those that ask for a lease through both at once, one gets it",
    async (storage, harness) => {
      const other = await harness.another();
      for (const now of [0, 100, 200]) {
        const [holder, ...more] = await askAtOnce((n) => (n % 2 === 0 ? storage : other), now);
        assert.deepEqual(more, []);
        assert.ok(holder !== undefined, `nobody got it at ${now}`);
        for (const one of [storage, other]) assert.equal(await take(one, "late", now + 99, now + 100), false);
        assert.equal(await take(other, holder, now + 99, now + 100), true);
      }
    },
  ),
]);

function take(storage: FlagStorage, holder: string, now: number, until: number): Promise<boolean> {
  return storage.takeLease({ name: "one", holder, now, until });
}

/** Twenty holders, none of which has it. Resolves with those that were told they do. */
async function askAtOnce(storageOf: (n: number) => FlagStorage, now: number): Promise<readonly string[]> {
  const holders = Array.from({ length: 20 }, (_, n) => `${now} ${n}`);
  const taken = await Promise.all(holders.map((holder, n) => take(storageOf(n), holder, now, now + 100)));
  return holders.filter((_, n) => taken[n] === true);
}
