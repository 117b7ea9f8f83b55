import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { refused } from "./checks.ts";
import type { Equipped } from "./contract-case.ts";
import { wholeState } from "./whole-state.ts";

export const FAULTY = ["queries", "failOnQuery"] as const;

type Faulty = Equipped<(typeof FAULTY)[number]>;

export interface Change {
  make(n: number): Promise<unknown>;
  /** Checks that all of the n-th attempt is there. */
  made(n: number): Promise<void>;
  /** Checks what `wholeState` cannot see: that nothing of it is there. */
  notMade?(): Promise<void>;
}

/**
 * Makes the first query fail, then the second, and so on until the change gets through without reaching the
 * fault. What is refused must leave storage as it was, what is acknowledged must be there; and the success at
 * the end shows that the next write works.
 */
export async function failAtEveryQuery(storage: FlagStorage, harness: Faulty, change: Change): Promise<void> {
  for (let n = 1; ; n += 1) {
    const before = await wholeState(storage);
    const [outcome, reached] = await attempt(harness, n, () => change.make(n));
    if (outcome.status === "fulfilled") {
      await change.made(n);
      assert.ok(reached || n > 1, "a write must ask the database something");
    } else {
      await refused(Promise.reject(outcome.reason));
      assert.ok(reached, "nothing failed, and yet it was refused");
      assert.deepEqual(await wholeState(storage), before, `after a failure at query ${n}`);
      await change.notMade?.();
    }
    if (!reached) return;
  }
}

/** One try with the n-th query failing: how it ended, and whether there was an n-th query. */
export async function attempt<T>(
  harness: Faulty,
  n: number,
  run: () => Promise<T>,
): Promise<readonly [PromiseSettledResult<T>, reached: boolean]> {
  const before = harness.queries();
  harness.failOnQuery(n);
  const [outcome] = await Promise.allSettled([run()]);
  harness.failOnQuery(undefined);
  return [outcome, harness.queries() - before >= n];
}
