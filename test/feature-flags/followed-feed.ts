import { StorageConnection, type StorageOption } from "../../lib/feature-flags/core/connection.ts";
import { FeedFollower, type FeedOptions } from "../../lib/feature-flags/core/feed.ts";
import { OnceLog } from "../../lib/feature-flags/core/once-log.ts";
import type { FlagError, FlagStorage } from "../../lib/feature-flags/index.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { recordedLog } from "./recorded-log.ts";

/** A feed on its own: what it applies is kept. */
export function following(option: StorageOption, options: Partial<FeedOptions> = {}) {
  const clock = manualClock();
  const log = recordedLog();
  const connection = new StorageConnection(option, { clock, random: () => 0 });
  const applied: (string | undefined)[] = [];
  const errors: FlagError[] = [];
  const resets = { count: 0 };
  const feed = new FeedFollower({
    connection,
    clock,
    random: () => 0.5,
    log: new OnceLog(log, clock),
    pollEvery: 1_000,
    apply: async (events) => void applied.push(...events.map(({ id }) => id)),
    onError: (error) => errors.push(error),
    reset: async () => {
      resets.count += 1;
      return await connection.read((storage) => storage.readState());
    },
    ...options,
  });
  const begin = async () => feed.start(await connection.read((storage) => storage.readState()));
  return { clock, log, connection, feed, applied, errors, resets, begin };
}

export function save(storage: FlagStorage, id: string) {
  return storage.saveCustomerFlags(id, { plan: id });
}
