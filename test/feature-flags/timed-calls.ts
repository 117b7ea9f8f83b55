import {
  type ConnectionOptions,
  StorageConnection,
  type StorageOption,
} from "../../lib/feature-flags/core/connection.ts";
import type { FlagStorage } from "../../lib/feature-flags/index.ts";
import { manualClock } from "../../lib/testing/index.ts";

/** A connection on its own, with time standing still. */
export function connected(option: StorageOption, options: ConnectionOptions = {}) {
  const clock = manualClock();
  const connection = new StorageConnection(option, { clock, random: () => 0, ...options });
  return { clock, connection };
}

/** A storage that is being opened until it is let open. */
export function heldOpening() {
  const held = { attempts: 0, open: (_: FlagStorage): void => {} };
  const option = () => {
    held.attempts += 1;
    return new Promise<FlagStorage>((resolve) => {
      held.open = resolve;
    });
  };
  return Object.assign(held, { option });
}

/** When a promise settles, by the clock, and how. */
export function timed(clock: { now(): number }, promise: Promise<unknown>) {
  const start = clock.now();
  const seen: { after: number | undefined; code: unknown; message: string } = {
    after: undefined,
    code: undefined,
    message: "",
  };
  promise.then(
    () => {
      seen.after = clock.now() - start;
    },
    (error) => {
      seen.after = clock.now() - start;
      seen.code = error.code;
      seen.message = error.message;
    },
  );
  return seen;
}
