import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { LastGood, type LastGoodOptions } from "../../../lib/feature-flags/core/last-good.ts";
import type { HoldsRollouts } from "../../../lib/feature-flags/core/moment.ts";
import { OnceLog } from "../../../lib/feature-flags/core/once-log.ts";
import type { RolloutList, StorageState, StoredRollout } from "../../../lib/feature-flags/core/storage.ts";
import type { SnapshotStore } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { outageStorage } from "../outage-storage.ts";
import { recordedLog } from "../recorded-log.ts";

export const EVERY = 30_000;

/** Keeps and reads snapshots of a storage, which the caller moves on by hand. */
export function keeping(store: SnapshotStore, options: Partial<LastGoodOptions> = {}) {
  const memory = memoryStorage();
  const outage = outageStorage(memory);
  const clock = manualClock();
  const log = recordedLog();
  const connection = new StorageConnection(outage.storage, { clock, random: () => 0 });
  const reached: { state: StorageState | undefined } = { state: undefined };
  const errors: string[] = [];
  const restored: RolloutList[] = [];
  const lastGood = new LastGood({
    ...{ open: async () => store, connection, image: undefined, state: () => reached.state },
    ...{ rollouts: rolloutsOf(connection), catchUp: async () => {} },
    ...{
      clock,
      log: new OnceLog(log, clock),
      every: EVERY,
      onError: (error) => errors.push(error.code),
      onRestored: (list) => restored.push(list),
      ...options,
    },
  });
  const change = async (plan: string) => {
    await memory.saveCustomerFlags("cust_1", { plan });
    reached.state = await memory.readState();
  };
  return { memory, outage, clock, log, connection, reached, lastGood, errors, restored, change };
}

/** Those of one storage, not read yet. */
export function rolloutsOf(connection: StorageConnection): HoldsRollouts {
  const book: { state: StorageState | undefined; stored: readonly StoredRollout[] } = {
    ...{ state: undefined, stored: [] },
  };
  return {
    book,
    async refresh() {
      const { rollouts, ...state } = await connection.poll((storage) => storage.listRollouts());
      if (book.state?.epoch === state.epoch && book.state.revision >= state.revision) return;
      book.state = state;
      book.stored = rollouts;
    },
  };
}
