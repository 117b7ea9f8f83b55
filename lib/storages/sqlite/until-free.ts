import { setTimeout as delay } from "node:timers/promises";
import { isBusy } from "./errors.ts";

/** The longest pause between two attempts, in milliseconds. Others hold the lock for about as long. */
const LONGEST_PAUSE = 10;

/**
 * Attempts until another process lets go of the file, for at most `timeout` milliseconds. SQLite could wait by
 * itself, but would hold the event loop, and every read of this process, for as long.
 */
export async function untilFree<T>(attempt: () => T, timeout: number): Promise<T> {
  for (let waited = 0, pause = 1; ; waited += pause, pause = Math.min(pause + 1, LONGEST_PAUSE)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || waited >= timeout) throw error;
    }
    await delay(pause);
  }
}
