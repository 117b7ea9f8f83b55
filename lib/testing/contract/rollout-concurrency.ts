import assert from "node:assert/strict";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { FlagStorage, StoredRollout } from "../../feature-flags/core/storage.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import {
  countedIn,
  putRollout,
  rolloutDecision,
  rolloutEvent,
  rolloutIn,
  writeRollout,
} from "./rollout-writes.ts";
import { allChanges, wholeFeed } from "./whole-state.ts";
import { WRITTEN_AT } from "./writes.ts";

const NAMES = ["a", "b", "c"];

export const rolloutConcurrency = topic("rollouts at once", [
  contractCase("writers of any rollouts write one after the other", async (storage) => {
    await writeMany(() => storage, 60);
    await checkMany(storage, 60);
  }),

  caseNeeding(
    ["another"],
    "writers of rollouts through both write one after the other",
    async (storage, harness) => {
      const other = await harness.another();
      await writeMany((n) => (n % 2 === 0 ? storage : other), 40);
      await checkMany(storage, 40);
      assert.deepEqual(await other.listRollouts(), await storage.listRollouts());
    },
  ),

  contractCase("of many that expect one version of a rollout, exactly one writes", async (storage) => {
    await putRollout(storage, "a", { by: "nobody" });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        writeRollout(storage, "a", (current) => {
          if (current?.version !== 1) throw new FlagError("VERSION_CONFLICT", "Read it again.");
          return rolloutDecision({ by: n });
        }),
      ),
    );
    const won = outcomes.flatMap((outcome, n) => (outcome.status === "fulfilled" ? [n] : []));
    assert.equal(won.length, 1, "exactly one writer must win");
    const [stored] = (await storage.listRollouts()).rollouts;
    assert.deepEqual([rolloutIn(stored), stored?.version], [{ by: won[0] }, 2]);
    assert.equal((await allChanges(storage)).length, 2);
  }),

  contractCase("batches recorded at once, in any order, count each event once", async (storage) => {
    const added = await recordOverlapping(() => storage);
    assert.equal(added, 400);
    assert.equal(await countedIn(storage, "one"), 400);
  }),

  caseNeeding(
    ["another"],
    "batches recorded through both at once count each event once",
    async (storage, harness) => {
      const other = await harness.another();
      const added = await recordOverlapping((n) => (n % 2 === 0 ? storage : other));
      assert.equal(added, 400);
      assert.equal(await countedIn(storage, "one"), 400);
      assert.equal(await countedIn(other, "one"), 400);
    },
  ),
]);

/** Every write of any of three rollouts counts all there were: only one that sees every other one counts right. */
async function writeMany(storageOf: (n: number) => FlagStorage, times: number): Promise<void> {
  await Promise.all(
    Array.from({ length: times }, (_, n) =>
      writeRollout(storageOf(n), NAMES[n % NAMES.length] ?? "", (current, others) => {
        const all = [current, ...others].map(writesOf).reduce((sum, writes) => sum + writes, 0);
        return rolloutDecision({ writes: writesOf(current) + 1 }, { newValue: all + 1 });
      }),
    ),
  );
}

async function checkMany(storage: FlagStorage, times: number): Promise<void> {
  const expected = Array.from({ length: times }, (_, n) => n + 1);
  const rows = (await allChanges(storage)).toReversed();
  assert.deepEqual(
    rows.map((row) => row.newValue),
    expected,
  );
  const revisions = (await wholeFeed(storage)).map((event) => event.revision);
  assert.deepEqual(revisions, expected);
  const { rollouts } = await storage.listRollouts();
  assert.deepEqual(
    rollouts.map((one) => one.version),
    rollouts.map(writesOf),
  );
}

function writesOf(rollout: StoredRollout | undefined): number {
  return Number(rolloutIn(rollout)["writes"] ?? 0);
}

/** Sixteen batches of the same four hundred events, each beginning elsewhere. Resolves with how many were new. */
async function recordOverlapping(storageOf: (n: number) => FlagStorage): Promise<number> {
  const events = Array.from({ length: 400 }, (_, n) =>
    rolloutEvent({ customerId: `cust_${n % 40}`, timestamp: WRITTEN_AT + n * 1_000, tier: n % 3 }),
  );
  const added = await Promise.all(
    Array.from({ length: 16 }, (_, n) => {
      const turned = [...events.slice(n * 25), ...events.slice(0, n * 25)];
      return storageOf(n).recordRolloutEvents(n % 3 === 0 ? turned.toReversed() : turned);
    }),
  );
  return added.reduce((sum, one) => sum + one, 0);
}
