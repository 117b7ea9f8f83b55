import type { StorageConnection } from "./connection.ts";
import { asStorageError, FlagError } from "./errors.ts";
import type { OnceLog } from "./once-log.ts";
import type { FeedEvent, FeedNotice, FlagStorage, StorageState } from "./storage.ts";
import { ToldChanges } from "./told-changes.ts";
import type { Clock } from "./types.ts";

export interface FeedOptions {
  readonly connection: StorageConnection;
  readonly clock: Clock;
  /** 0 to 1; spreads polls so that many instances do not ask at once. */
  readonly random: () => number;
  readonly log: OnceLog;
  /** Milliseconds between two polls where no notices come; beside notices it is five times that. */
  readonly pollEvery: number;
  /** Applies committed changes, in order. Throwing means: not applied, ask again. */
  readonly apply: (
    events: readonly FeedEvent[],
    state: StorageState,
    toldBy: "notices" | "tables",
  ) => Promise<void>;
  /**
   * Whether applying reads what has changed. A notice may have been forged before the commit it foretells, and what
   * was read then is not what was committed: the tables' events are applied once more.
   */
  readonly applyingReads?: boolean | undefined;
  /** Told of failures: no caller sees them. */
  readonly onError: (error: FlagError) => void;
  /** Everything known may be wrong: the database was restored, or too much was missed. */
  readonly reset: () => Promise<StorageState>;
}

const PAGE = 1_000;
/** Past so many missed revisions, reading everything anew is cheaper than reading each. */
const TOO_FAR_BEHIND = 10_000;
const BESIDE_NOTICES = 5;
const FIRST_RETRY = 250;
const LAST_RETRY = 30_000;

/**
 * Follows the sequence of committed changes: by the storage's own notices where it gives any, by polling always.
 * A notice that says what was committed is applied at once, and compared with the tables by the next poll.
 * Revisions are applied in order and never twice; a restored database (another epoch, or revisions that went
 * back) resets everything.
 */
export class FeedFollower {
  readonly #options: FeedOptions;
  readonly #told = new ToldChanges();
  #state: StorageState | undefined;
  /** Up to where the tables themselves have told; `state` may be ahead by what notices said. */
  #confirmed = -1;
  #catchingUp: Promise<void> | undefined;
  /** The catching up whose end `wake` waits for already. */
  #looking: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #pace = 0;
  #storage: Pick<FlagStorage, "subscribe" | "feedMode"> | undefined;
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
    this.#continueFrom({ epoch, revision });
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
    // Over before its promise is kept, it would be taken for one that goes on.
    await Promise.resolve();
    try {
      while (!this.#closed) {
        const wasTold = await this.#applyTold();
        if (!this.#again && wasTold) continue;
        if (!this.#again) return;
        this.#again = false;
        while (!this.#closed && (await this.#step()));
        if (this.#state !== undefined) this.#confirmedAt = this.#options.clock.now();
        // Whoever waits for the tables must not wait for all that is told meanwhile: where many write, it never ends.
        if (!this.#again) return;
      }
    } finally {
      this.#catchingUp = undefined;
    }
  }

  /** Applies what notices have said; false if that was nothing. */
  async #applyTold(): Promise<boolean> {
    const from = this.#state;
    if (from === undefined) return false;
    const { events, isCertain } = this.#told.take(from);
    if (!isCertain) this.#again = true;
    const last = events.at(-1);
    if (last === undefined) return false;
    const reached = { epoch: from.epoch, revision: last.revision };
    await this.#options.apply(events, reached, "notices");
    if (this.#state !== from) return true;
    this.#state = reached;
    this.#told.remember(events);
    return true;
  }

  /** Reads and applies one page; true if there may be more. */
  async #step(): Promise<boolean> {
    const from = this.#state;
    if (from === undefined) return false;
    const asked = Math.min(this.#confirmed, from.revision);
    const page = await this.#options.connection.poll((storage) => storage.changesSince(asked, PAGE));
    const restored = page.epoch !== from.epoch || page.revision < from.revision;
    if (restored || page.revision - from.revision > TOO_FAR_BEHIND) {
      this.#continueFrom(await this.#options.reset());
      return true;
    }
    const last = page.events.at(-1);
    if (last === undefined) return this.#state !== from;
    if (last.revision <= asked || last.revision > page.revision) {
      // A damaged feed, which reading on would follow in circles: what it should have told is read anew.
      this.#continueFrom(await this.#options.reset());
      return false;
    }
    const reached = { epoch: from.epoch, revision: Math.max(from.revision, last.revision) };
    const events = this.#options.applyingReads ? page.events : this.#told.unapplied(page.events);
    if (events.length > 0) await this.#options.apply(events, reached, "tables");
    // Unless it was told to go on from somewhere else meanwhile.
    if (this.#state !== from) return true;
    this.#state = reached;
    this.#confirmed = last.revision;
    this.#told.confirmed(last.revision);
    return last.revision < page.revision;
  }

  #continueFrom({ epoch, revision }: StorageState): void {
    this.#state = { epoch, revision };
    this.#confirmed = revision;
    this.#told.clear();
  }

  /** Asks nothing of storage but to be told: the first notice, or the next poll, brings what was missed. */
  #subscribe(): void {
    const subscribed = this.#options.connection.read(async (storage) => {
      if (this.#closed || this.#unsubscribe !== undefined) return;
      this.#unsubscribe = storage.subscribe?.((notice) => this.#noticed(notice)) ?? (() => {});
      this.#storage = storage;
      this.#keepPace();
    });
    subscribed.catch((error: unknown) => this.#report(error));
  }

  /** Looks for changes now, without anybody waiting. */
  wake(): void {
    if (this.#closed || this.#state === undefined) return;
    this.#attend(this.catchUp());
  }

  #noticed(notice: FeedNotice | undefined): void {
    if (notice === undefined) {
      this.wake();
    } else if (!this.#closed && this.#state !== undefined) {
      this.#told.add(notice);
      this.#applyWaiting();
    }
  }

  #applyWaiting(): void {
    this.#catchingUp ??= this.#follow();
    this.#attend(this.#catchingUp);
  }

  #attend(looking: Promise<void>): void {
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
    this.#keepPace();
    if (this.#unsubscribe === undefined) this.#subscribe();
    if (this.#told.isWaiting && !this.#closed) this.#applyWaiting();
  }

  /** Notices may have begun to come, or ceased: then the next poll is due at another time. */
  #keepPace(): void {
    if (this.#failures === 0 && this.#pace !== this.#paceNow()) this.#schedule();
  }

  #paceNow(): number {
    const isTold = this.#storage?.subscribe !== undefined && this.#storage.feedMode?.() !== "poll";
    return this.#options.pollEvery * (isTold ? BESIDE_NOTICES : 1);
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

  /** Polls go on whatever happens: soon after a failure, then more and more seldom, up to half a minute. */
  #schedule(): void {
    if (this.#closed) return;
    const { clock, random } = this.#options;
    this.#pace = this.#paceNow();
    const retry = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (this.#failures - 1));
    const wait = this.#failures === 0 ? this.#pace : retry;
    const jittered = wait * (0.8 + 0.4 * random());
    this.#cancelPoll?.();
    this.#cancelPoll = clock.setTimer(() => {
      this.#schedule();
      this.wake();
    }, jittered);
  }
}
