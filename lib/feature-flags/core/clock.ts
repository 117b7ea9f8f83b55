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

/** Says nothing: what a library does unless it is given a log. */
export const silentLog: Log = Object.freeze({ info() {}, warn() {}, error() {} });
