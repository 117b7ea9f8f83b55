import { asStorageError, FlagError } from "./errors.ts";
import type { Clock } from "./types.ts";

export interface GuardOptions {
  readonly clock: Clock;
  /** 0 to 1; spreads probes, so that many instances do not return to a database at once. */
  readonly random: () => number;
  /** The cheapest real read: asks whether storage is back. */
  readonly probe: () => Promise<unknown>;
  /** Called when storage is given up on, with why. */
  readonly onLost: (error: FlagError) => void;
  /** Called when a probe has succeeded, with for how many milliseconds storage was away. */
  readonly onRecovered: (milliseconds: number) => void;
}

const FAILURES_UNTIL_OPEN = 3;
const FIRST_PROBE_AFTER = 250;
const LAST_PROBE_AFTER = 4_000;
const PROBE_BUDGET = 1_000;
const SOUND_AFTER = 10_000;

/**
 * Keeps a storage that fails or hangs from costing anybody time. After three failures in a row the circuit opens:
 * calls are refused at once, and only a probe asks storage, again and again with jitter, until it answers.
 */
export class StorageGuard {
  readonly #options: GuardOptions;
  #failures = 0;
  #lost: { readonly error: FlagError; readonly since: number } | undefined;
  #outages = 0;
  #recoveredAt = Number.NEGATIVE_INFINITY;
  #probes = 0;
  /** Gives up on a call that is waiting. */
  readonly #waiting = new Set<(error: FlagError) => void>();
  #cancelProbe: (() => void) | undefined;
  #closed = false;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Why storage is not asked at present; undefined while it is. */
  get lost(): FlagError | undefined {
    return this.#lost?.error;
  }

  /**
   * The operation's outcome within `budget` milliseconds. Rejects with STORAGE_UNAVAILABLE once they are spent, and
   * at once when storage is lost. `late` is for an operation that may have an effect all the same: it says so, and
   * is waited for to the end of its budget.
   */
  async run<T>(operation: () => Promise<T>, budget: number, late?: string): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost.error;
    const outages = this.#outages;
    const giveUpOnLoss = late === undefined ? this.#waiting : undefined;
    try {
      const result = await within(this.#options.clock, budget, operation(), late, giveUpOnLoss);
      this.#failures = 0;
      return result;
    } catch (cause) {
      const error = asStorageError(cause, "asking it");
      if (error.code !== "STORAGE_UNAVAILABLE") this.#failures = 0;
      // What began before an outage and fails after it says nothing of storage as it is now.
      else if (outages === this.#outages) this.#failed(error);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancelProbe?.();
  }

  #failed(error: FlagError): void {
    this.#failures += 1;
    if (this.#failures < FAILURES_UNTIL_OPEN || this.#closed) return;
    const now = this.#options.clock.now();
    this.#outages += 1;
    this.#lost = { error: refusal(error), since: now };
    // Storage may answer the probe and nothing else: then it is not to be tried several times a second for ever.
    if (now - this.#recoveredAt >= SOUND_AFTER) this.#probes = 0;
    this.#scheduleProbe();
    for (const giveUp of this.#waiting) giveUp(this.#lost.error);
    this.#options.onLost(error);
  }

  #scheduleProbe(): void {
    if (this.#closed) return;
    const { clock, random } = this.#options;
    const longest = Math.min(LAST_PROBE_AFTER, FIRST_PROBE_AFTER * 2 ** this.#probes);
    this.#probes += 1;
    const wait = longest * (0.5 + random() / 2);
    this.#cancelProbe = clock.setTimer(() => {
      this.#probeNow().then(
        () => this.#recovered(),
        (cause: unknown) => this.#stillLost(asStorageError(cause, "asking whether storage is back")),
      );
    }, wait);
  }

  async #probeNow(): Promise<void> {
    const { clock, probe } = this.#options;
    await within(clock, PROBE_BUDGET, probe());
  }

  #recovered(): void {
    if (this.#lost === undefined || this.#closed) return;
    const now = this.#options.clock.now();
    const away = now - this.#lost.since;
    this.#lost = undefined;
    this.#recoveredAt = now;
    this.#failures = 0;
    this.#options.onRecovered(away);
  }

  #stillLost(error: FlagError): void {
    if (this.#lost === undefined || this.#closed) return;
    this.#lost = { ...this.#lost, error: refusal(error) };
    this.#scheduleProbe();
  }
}

/** What callers are told whose operation was not begun: nothing that holds for the one that failed alone. */
function refusal(cause: FlagError): FlagError {
  const message = "Storage is lost. It is not asked, and nothing is written, until it is back.";
  return new FlagError("STORAGE_UNAVAILABLE", message, { cause });
}

/**
 * The promise's outcome, or STORAGE_UNAVAILABLE if it has none after `milliseconds`, or what it is given up with
 * through `waiting`.
 */
export async function within<T>(
  clock: Clock,
  milliseconds: number,
  promise: Promise<T>,
  late = "",
  waiting?: Set<(error: FlagError) => void>,
): Promise<T> {
  let giveUp = (_: FlagError): void => {};
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const cancel = clock.setTimer(
    () => giveUp(new FlagError("STORAGE_UNAVAILABLE", `Storage is not answering. ${late}`.trim())),
    milliseconds,
  );
  waiting?.add(giveUp);
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    cancel();
    waiting?.delete(giveUp);
  }
}
