import type { FlagStorage, Log } from "../../lib/feature-flags/index.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { planManager } from "./plan-flags.ts";

const who = { customerId: "cust_1" };

/** Managers on one storage, in one process, by one clock. */
export function instancesOn(storages: readonly FlagStorage[], log?: Log) {
  const clock = manualClock();
  const managers = storages.map(
    (storage, index) => planManager({ storage, clock, log, newId: () => `instance-${index}` }).manager,
  );
  const begin = async () => {
    for (const manager of managers) await manager.getFlags(who);
    await clock.advance(100);
  };
  const close = async () => {
    for (const manager of managers) await manager.close();
  };
  return { clock, managers, begin, close };
}

/** How a promise ends, while the clock goes on by steps of ten milliseconds. */
export async function ended<T>(promise: Promise<T>, clock: { advance(by: number): Promise<void> }) {
  let outcome:
    | { readonly value: T }
    | { readonly error: { code: string; message: string; details: unknown } }
    | undefined;
  promise.then(
    (value) => {
      outcome = { value };
    },
    (error) => {
      outcome = { error };
    },
  );
  for (let step = 0; step < 2_000 && outcome === undefined; step += 1) await clock.advance(10);
  return outcome;
}
