import { setTimeout as delay } from "node:timers/promises";

const LONGEST_WAIT = 40_000;

/** Looks again and again: for what other processes do, in their own time. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LONGEST_WAIT;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`It did not come about that ${what}.`);
    await delay(20);
  }
}
