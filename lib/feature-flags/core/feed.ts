import type { StorageConnection } from "./connection.ts";
import { asStorageError, FlagError } from "./errors.ts";
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
  /** Told of failures: no caller sees them. */
  readonly onError: (error: FlagError) => void;
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
  /** The catching up whose end `wake` waits for already. */
  #looking: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #confirmedAt: number | undefined;
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

  /** When storage last said that nothing newer than `state` is committed; milliseconds since the Unix epoch. */
  get confirmedAt(): number | undefined {
    return this.#confirmedAt;
  }

  /** Whether what was read at `read` is not older than what was applied. The first read starts the feed. */
  accepts(read: StorageState): boolean {
    if (this.#state === undefined) {
      this.start(read);
      return true;
    }
    if (read.epoch === this.#state.epoch && read.revision >= this.#state.revision) return true;
    if (read.epoch !== this.#state.epoch) this.wake();
    return false;
  }

  /** Goes on from there. A feed that is further already goes back: some changes are applied twice, none is missed. */
  start({ epoch, revision }: StorageState): void {
    if (this.#closed) return;
    const isFirst = this.#state === undefined;
    this.#state = { epoch, revision };
    if (!isFirst) return;
    this.#schedule();
    this.#subscribe();
  }

  /** Applies all that was committed before this call. Rejects if storage cannot say. */
  catchUp(): Promise<void> {
    if (this.#closed) return Promise.reject(new FlagError("CLOSED", "The change feed is closed."));
    this.#again = true;
    this.#catchingUp ??= this.#follow();
    return this.#catchingUp;
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll?.();
    this.#unsubscribe?.();
  }

  async #follow(): Promise<void> {
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        while (!this.#closed && (await this.#step()));
      }
      if (this.#state !== undefined) this.#confirmedAt = this.#options.clock.now();
    } finally {
      this.#catchingUp = undefined;
    }
  }

  /** Reads and applies one page; true if there may be more. */
  async #step(): Promise<boolean> {
    const from = this.#state;
    if (from === undefined) return false;
    const page = await this.#options.connection.read((storage) => storage.changesSince(from.revision, PAGE));
    const restored = page.epoch !== from.epoch || page.revision < from.revision;
    if (restored || page.revision - from.revision > TOO_FAR_BEHIND) {
      const { epoch, revision } = await this.#options.reset();
      this.#state = { epoch, revision };
      return true;
    }
    const last = page.events.at(-1);
    if (last === undefined) return this.#state !== from;
    if (last.revision <= from.revision || last.revision > page.revision) {
      // A damaged feed, which reading on would follow in circles: what it should have told is read anew.
      const { epoch, revision } = await this.#options.reset();
      this.#state = { epoch, revision };
      return false;
    }
    const reached = { epoch: from.epoch, revision: last.revision };
    await this.#options.apply(page.events, reached);
    // Unless it was told to go on from somewhere else meanwhile.
    if (this.#state !== from) return true;
    this.#state = reached;
    return last.revision < page.revision;
  }

  /** Asks nothing of storage but to be told: the first notice, or the next poll, brings what was missed. */
  #subscribe(): void {
    const subscribed = this.#options.connection.read(async (storage) => {
      if (!this.#closed) this.#unsubscribe ??= storage.subscribe?.(() => this.wake()) ?? (() => {});
    });
    subscribed.catch((error: unknown) => this.#report(error));
  }

  /** Looks for changes now, without anybody waiting. */
  wake(): void {
    if (this.#closed || this.#state === undefined) return;
    const looking = this.catchUp();
    if (looking === this.#looking) return;
    this.#looking = looking;
    looking.then(
      () => this.#succeeded(),
      (error: unknown) => this.#failed(error),
    );
  }

  #succeeded(): void {
    if (this.#failures > 0) {
      this.#failures = 0;
      this.#schedule();
    }
    if (this.#unsubscribe === undefined) this.#subscribe();
  }

  #failed(cause: unknown): void {
    this.#failures += 1;
    this.#schedule();
    this.#report(cause);
  }

  #report(cause: unknown): void {
    if (this.#closed) return;
    const error = asStorageError(cause, "following the change feed");
    this.#options.log.warn(`feed:${error.code}`, { code: error.code, error }, error.message);
    this.#options.onError(error);
  }

  /** Polls go on whatever happens; failures double the wait, up to half a minute. */
  #schedule(): void {
    if (this.#closed) return;
    const { clock, pollEvery, random } = this.#options;
    const longest = Math.max(pollEvery, LONGEST_WAIT);
    const wait = Math.min(longest, pollEvery * 2 ** Math.min(this.#failures, 10));
    const jittered = wait * (0.9 + 0.2 * random());
    this.#cancelPoll?.();
    this.#cancelPoll = clock.setTimer(() => {
      this.#schedule();
      this.wake();
    }, jittered);
  }
}
