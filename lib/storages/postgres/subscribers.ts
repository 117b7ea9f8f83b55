import type { FeedNotice } from "../../feature-flags/core/storage.ts";
import { createListeners } from "../listeners.ts";
import { type ListenerOptions, listenForCommits, type PostgresListener } from "./listener.ts";

/** Those who want to know of commits, and a listening connection for as long as there are any. */
export interface Subscribers {
  readonly isListening: boolean;
  readonly add: (listener: (notice?: FeedNotice) => void) => () => void;
  close(): void;
}

export function createSubscribers(options: Omit<ListenerOptions, "tell">): Subscribers {
  let listener: PostgresListener | undefined;
  const listeners = createListeners({
    log: options.log,
    // In a turn of its own, so that a storm of notices becomes one call.
    later: setImmediate,
    onFirst() {
      listener = listenForCommits({ ...options, tell: listeners.tell });
    },
    onNone() {
      listener?.close();
      listener = undefined;
    },
  });
  return Object.freeze({
    get isListening(): boolean {
      return listener?.isListening === true;
    },
    add: listeners.add,
    close: listeners.close,
  });
}
