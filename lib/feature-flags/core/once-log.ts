import type { Clock, Log } from "./types.ts";

const REMEMBERED = 10_000;

/** A log that says the same thing once, and again only after `quietFor` milliseconds. */
export class OnceLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #quietFor: number;
  readonly #said = new Map<string, number>();

  constructor(log: Log, clock: Clock, quietFor = 3_600_000) {
    this.#log = log;
    this.#clock = clock;
    this.#quietFor = quietFor;
  }

  warn(topic: string, facts: object, message: string): void {
    if (this.#isNew(topic)) this.#log.warn(facts, message);
  }

  error(topic: string, facts: object, message: string): void {
    if (this.#isNew(topic)) this.#log.error(facts, message);
  }

  #isNew(topic: string): boolean {
    const now = this.#clock.now();
    const last = this.#said.get(topic);
    if (last !== undefined && now - last < this.#quietFor) return false;
    if (this.#said.size >= REMEMBERED) this.#said.clear();
    this.#said.set(topic, now);
    return true;
  }
}
