import type { Log } from "../feature-flags/core/types.ts";

/** Those who want to know of commits. */
export interface Listeners {
  readonly size: number;
  /** The returned function takes the listener away, once. */
  add(listener: () => void): () => void;
  /** Calls every listener soon. However often this is called until then, each is called once. */
  tell(): void;
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
  const listeners = new Set<{ readonly told: () => void }>();
  let isPending = false;
  let isClosed = false;

  function callAll(): void {
    isPending = false;
    for (const { told } of listeners) {
      try {
        told();
      } catch (error) {
        log.error({ error }, "A subscriber of the storage threw; the change it was told of stands.");
      }
    }
  }

  return Object.freeze({
    get size(): number {
      return listeners.size;
    },
    add(listener: () => void): () => void {
      if (isClosed) return () => {};
      const entry = { told: listener };
      listeners.add(entry);
      if (listeners.size === 1) onFirst?.();
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) onNone?.();
      };
    },
    tell(): void {
      if (isPending || listeners.size === 0) return;
      isPending = true;
      later(callAll);
    },
    close(): void {
      isClosed = true;
      if (listeners.size === 0) return;
      listeners.clear();
      onNone?.();
    },
  });
}
