import type { Log } from "../feature-flags/core/types.ts";

/** A log whose own failure stays its own: a full disk under it must not end a process, or the following of changes. */
export function shelteredLog(log: Log): Log {
  const sheltered =
    (level: keyof Log) =>
    (facts: object, message: string): void => {
      try {
        log[level](facts, message);
      } catch (_) {
        // There is nowhere left to say it.
      }
    };
  return Object.freeze({ info: sheltered("info"), warn: sheltered("warn"), error: sheltered("error") });
}
