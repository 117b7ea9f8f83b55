import type { Clock, Log } from "../../feature-flags/core/types.ts";
import type { SqliteConnection } from "./connection.ts";

export interface CommitWatch {
  /** Looks now and then, until stopped. The first look tells, for nobody knows what was missed before. */
  start(): void;
  stop(): void;
  /** Looks now, and tells if there is something new. */
  look(): void;
}

export interface CommitWatchOptions {
  readonly reader: SqliteConnection;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once for any number of commits since the last look. */
  readonly tell: () => void;
}

/** Milliseconds between two looks: a few microseconds each, and no change waits longer for another process. */
const LOOK_EVERY = 25;
const STATE = "select epoch || ' ' || revision as state from flag_state";

/**
 * Notices the commits of every process that has the file open. It asks for the revision itself and not for SQLite's
 * count of commits: that costs as much, and counts the reports of instances too, which are no changes.
 */
export function createCommitWatch({ reader, clock, log, tell }: CommitWatchOptions): CommitWatch {
  const ask = reader.repeated(STATE);
  let seen: unknown;
  let failing = false;
  let cancel: (() => void) | undefined;

  function look(): void {
    try {
      const state = ask()?.["state"];
      failing = false;
      if (state === seen) return;
      seen = state;
      tell();
    } catch (error) {
      seen = undefined;
      if (failing) return;
      failing = true;
      log.warn({ error }, "SQLite does not say whether something was committed: changes are polled.");
      // Whoever reads now hears of it from the read itself.
      tell();
    }
  }

  function schedule(): void {
    cancel = clock.setTimer(() => {
      look();
      // Telling runs later, so nobody can have stopped this meanwhile.
      schedule();
    }, LOOK_EVERY);
  }

  return Object.freeze({
    look,
    start(): void {
      seen = undefined;
      schedule();
    },
    stop(): void {
      cancel?.();
      cancel = undefined;
    },
  });
}
