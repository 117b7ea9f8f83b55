import type { FeedNotice } from "../feature-flags/core/storage.ts";
import type { Log } from "../feature-flags/core/types.ts";

/** Those who want to know of commits. */
export interface Listeners {
  readonly size: number;
  /** The returned function takes the listener away, once. */
  add(listener: (notice?: FeedNotice) => void): () => void;
  /**
   * Calls every listener soon: once for each notice, in order, and once for any number of calls without one. What
   * is not known is told last.
   */
  tell(notice?: FeedNotice): void;
  /** From here on nobody is called, and who comes is not taken. */
  close(): void;
}

export interface ListenersOptions {
  readonly log: Log;
  /** Runs something soon: in a turn of the event loop of its own where many commits may come in one. */
  readonly later: (run: () => void) => void;
  /** Called when the first one comes. */
  readonly onFirst?: () => void;
  /** Called when nobody is left. */
  readonly onNone?: () => void;
}

/** What a listener throws is its own failure, not that of the commit it was told of: it goes to `log`. */
export function createListeners({ log, later, onFirst, onNone }: ListenersOptions): Listeners {
  const listeners = new Set<{ readonly told: (notice?: FeedNotice) => void }>();
  let notices: FeedNotice[] = [];
  let isUnknown = false;
  let isClosed = false;

  function callAll(): void {
    const told: readonly (FeedNotice | undefined)[] = isUnknown ? [...notices, undefined] : notices;
    notices = [];
    isUnknown = false;
    for (const notice of told) {
      for (const listener of listeners) call(listener.told, notice);
    }
  }

  function call(told: (notice?: FeedNotice) => void, notice: FeedNotice | undefined): void {
    try {
      told(notice);
    } catch (error) {
      log.error({ error }, "A subscriber of the storage threw; the change it was told of stands.");
    }
  }

  return Object.freeze({
    get size(): number {
      return listeners.size;
    },
    add(listener: (notice?: FeedNotice) => void): () => void {
      if (isClosed) return () => {};
      const entry = { told: listener };
      listeners.add(entry);
      if (listeners.size === 1) onFirst?.();
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) onNone?.();
      };
    },
    tell(notice?: FeedNotice): void {
      if (listeners.size === 0) return;
      const isPending = isUnknown || notices.length > 0;
      if (notice === undefined) isUnknown = true;
      else notices.push(notice);
      if (!isPending) later(callAll);
    },
    close(): void {
      isClosed = true;
      if (listeners.size === 0) return;
      listeners.clear();
      onNone?.();
    },
  });
}
