import type { StorageConnection } from "./connection.ts";
import { asStorageError } from "./errors.ts";
import type { OnceLog } from "./once-log.ts";
import type { FeedEvent, StorageState } from "./storage.ts";
import type { Clock } from "./types.ts";

export interface FeedOptions {
  readonly connection: StorageConnection;
  readonly clock: Clock;
  /** 0 to 1; spreads polls so that many instances do not ask at once. */
  readonly random: () => number;
  readonly log: OnceLog;
  /** Milliseconds between two polls. */
  readonly pollEvery: number;
  /** Applies committed changes, in order. Throwing means: not applied, ask again. */
  readonly apply: (events: readonly FeedEvent[], state: StorageState) => Promise<void>;
  /** Everything known may be wrong: the database was restored, or too much was missed. */
  readonly reset: () => Promise<StorageState>;
}

const PAGE = 1_000;
/** Past so many missed revisions, reading everything anew is cheaper than reading each. */
const TOO_FAR_BEHIND = 10_000;
const LONGEST_WAIT = 30_000;

/**
 * Follows the sequence of committed changes: by the storage's own notices where it gives any, by polling always.
 * Revisions are applied in order and never twice; a restored database (another epoch, or revisions that went
 * back) resets everything.
 */
export class FeedFollower {
  readonly #options: FeedOptions;
  #state: StorageState | undefined;
  #catchingUp: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #cancelPoll: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;
  #closed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** The last state whose changes have all been applied; undefined before the first read. */
  get state(): StorageState | undefined {
    return this.#state;
  }

  /** Whether what was read at `read` is not older than what was applied. The first read starts the feed. */
  accepts(read: StorageState): boolean {
    if (this.#state === undefined) {
      this.start(read);
      return true;
    }
    if (read.epoch === this.#state.epoch && read.revision >= this.#state.revision) return true;
    if (read.epoch !== this.#state.epoch) this.#wake();
    return false;
  }

  start(from: StorageState): void {
    if (this.#closed || this.#state !== undefined) return;
    this.#state = { epoch: from.epoch, revision: from.revision };
    this.#schedule();
    this.#subscribe().catch((error: unknown) => this.#failed(error));
  }

  /** Applies all that was committed before this call. Rejects if storage cannot say. */
  async catchUp(): Promise<void> {
    if (this.#catchingUp !== undefined) {
      this.#again = true;
      await this.#catchingUp;
      return;
    }
    this.#catchingUp = this.#follow();
    try {
      await this.#catchingUp;
    } finally {
      this.#catchingUp = undefined;
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll?.();
    this.#unsubscribe?.();
  }

  async #follow(): Promise<void> {
    do {
      this.#again = false;
      while (await this.#step()) if (this.#closed) return;
    } while (this.#again && !this.#closed);
  }

  /** Reads and applies one page; true if there may be more. */
  async #step(): Promise<boolean> {
    const storage = await this.#options.connection.open();
    if (this.#state === undefined) return false;
    const { epoch, revision } = this.#state;
    const page = await storage.changesSince(revision, PAGE);
    const restored = page.epoch !== epoch || page.revision < revision;
    if (restored || page.revision - revision > TOO_FAR_BEHIND) {
      const { epoch: from, revision: at } = await this.#options.reset();
      this.#state = { epoch: from, revision: at };
      return true;
    }
    const last = page.events.at(-1);
    if (last === undefined) return false;
    const reached = { epoch, revision: last.revision };
    await this.#options.apply(page.events, reached);
    this.#state = reached;
    return last.revision < page.revision;
  }

  async #subscribe(): Promise<void> {
    const storage = await this.#options.connection.open();
    if (!this.#closed) this.#unsubscribe = storage.subscribe?.(() => this.#wake());
  }

  #wake(): void {
    this.catchUp().then(
      () => {
        this.#failures = 0;
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(cause: unknown): void {
    if (this.#closed) return;
    this.#failures += 1;
    const error = asStorageError(cause, "following the change feed");
    this.#options.log.warn(`feed:${error.code}`, { code: error.code, error }, error.message);
  }

  /** Polls go on whatever happens; failures double the wait, up to half a minute. */
  #schedule(): void {
    if (this.#closed) return;
    const { clock, pollEvery, random } = this.#options;
    const wait = Math.min(LONGEST_WAIT, pollEvery * 2 ** Math.min(this.#failures, 10));
    const jittered = wait * (0.9 + 0.2 * random());
    this.#cancelPoll = clock.setTimer(() => {
      this.#wake();
      this.#schedule();
    }, jittered);
  }
}
