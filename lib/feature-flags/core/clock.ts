import type { Clock, Log } from "./types.ts";

/** The machine's own time. Its timers never keep a process alive. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  setTimer(run: () => void, delay: number) {
    const timer: unknown = setTimeout(run, delay);
    if (
      typeof timer === "object" &&
      timer !== null &&
      "unref" in timer &&
      typeof timer.unref === "function"
    ) {
      timer.unref();
    }
    return () => clearTimeout(timer as ReturnType<typeof setTimeout>);
  },
});

/**
 * Keeps the process alive until the returned function is called: for somebody who awaits what nothing but timers
 * will end.
 */
export function keepProcess(): () => void {
  const timer = setInterval(() => {}, 2 ** 30);
  return () => clearInterval(timer);
}

/** Says nothing: what a library does unless it is given a log. */
export const silentLog: Log = Object.freeze({ info() {}, warn() {}, error() {} });
