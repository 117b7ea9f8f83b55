import type { FlagError } from "./errors.ts";

/** What a manager tells. */
export interface ManagerEvents {
  /** Storage is lost: answers may be stale from now on. */
  readonly stale: { readonly error: FlagError };
  /** Storage is back, after so many milliseconds. */
  readonly recovered: { readonly milliseconds: number };
  /** Something failed that no caller was told of. */
  readonly error: { readonly error: FlagError };
}

type Listener<E> = (event: E) => void;

/** Tells listeners, each by itself: one that throws stops no other, and is reported. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<{ readonly listener: Listener<never> }>>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** The returned function ends it. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    const entry = { listener };
    this.#listeners.set(name, listeners.add(entry));
    return () => {
      listeners.delete(entry);
    };
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const { listener } of this.#listeners.get(name) ?? []) {
      tell(listener as Listener<Events[K]>, event, this.#report);
    }
  }
}

/** Calls a listener. What it throws is reported, and what it rejects with where it is asynchronous without saying so. */
export function tell<E>(listener: Listener<E>, event: E, report: (error: unknown) => void): void {
  try {
    const answer: unknown = listener(event);
    if (answer instanceof Promise) answer.catch(report);
  } catch (error) {
    report(error);
  }
}
