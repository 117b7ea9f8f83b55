import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import { type GuardOptions, StorageGuard } from "../../lib/feature-flags/core/guard.ts";
import { manualClock } from "../../lib/testing/index.ts";

/** Milliseconds that a guarded call is given. */
export const BUDGET = 250;
export const never = () => new Promise<never>(() => {});
export const unavailable = () =>
  Promise.reject(new FlagError("STORAGE_UNAVAILABLE", "The connection was reset."));

/** A guard on its own: what it says and how often it probes is kept. */
export function guarded(options: Partial<GuardOptions> = {}) {
  const clock = manualClock();
  const told = { lost: [] as FlagError[], recovered: [] as number[], probes: 0 };
  const storage = { answersProbes: false };
  const guard = new StorageGuard({
    clock,
    random: () => 0,
    probe: async () => {
      told.probes += 1;
      if (!storage.answersProbes) throw new Error("connection refused");
    },
    onLost: (error) => told.lost.push(error),
    onRecovered: (milliseconds) => told.recovered.push(milliseconds),
    ...options,
  });
  const run = (operation: () => Promise<unknown>) => guard.run(operation, BUDGET, "");
  const outcome = async (operation: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await run(operation);
    } catch (error) {
      return error instanceof FlagError ? error.code : error;
    }
  };
  const lose = async () => {
    for (let failure = 0; failure < 3; failure += 1) await outcome(unavailable);
  };
  return { clock, guard, told, storage, run, outcome, lose };
}
