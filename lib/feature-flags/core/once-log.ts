import type { Clock, Log } from "./types.ts";

const REMEMBERED = 10_000;

/**
 * A log that says the same thing once, and again only after `quietFor` milliseconds. Where the log it speaks through
 * throws, that is counted: a full disk under the log must not turn a tenant's answer into an exception.
 */
export class OnceLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #quietFor: number;
  readonly #said = new Map<string, number>();
  #failures = 0;

  constructor(log: Log, clock: Clock, quietFor = 3_600_000) {
    this.#log = log;
    this.#clock = clock;
    this.#quietFor = quietFor;
  }

  /** How often the log threw. */
  get failures(): number {
    return this.#failures;
  }

  warn(topic: string, facts: object, message: string): void {
    this.#say("warn", topic, facts, message);
  }

  error(topic: string, facts: object, message: string): void {
    this.#say("error", topic, facts, message);
  }

  /** Says it every time: for what happens seldom, such as losing storage and finding it again. */
  always(level: keyof Log, facts: object, message: string): void {
    try {
      this.#log[level](facts, message);
    } catch {
      this.#failures += 1;
    }
  }

  #say(level: "warn" | "error", topic: string, facts: object, message: string): void {
    if (this.#isNew(topic)) this.always(level, facts, message);
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
