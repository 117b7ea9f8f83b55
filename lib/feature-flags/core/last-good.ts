import type { StorageConnection } from "./connection.ts";
import { asStorageError, type FlagError } from "./errors.ts";
import { within } from "./guard.ts";
import { TenantImage } from "./image.ts";
import { type HoldsRollouts, momentOf } from "./moment.ts";
import type { OnceLog } from "./once-log.ts";
import type { SnapshotStore, TenantSnapshot } from "./snapshot.ts";
import type { RolloutList, StorageState, TenantState } from "./storage.ts";
import type { Clock, TenantContext } from "./types.ts";

export interface LastGoodOptions {
  readonly open: () => Promise<SnapshotStore>;
  readonly connection: StorageConnection;
  /** Everything in memory, where it is; otherwise storage is read for each snapshot. */
  readonly image: TenantImage | undefined;
  /** The state reached by the feed; undefined before the first read. */
  readonly state: () => StorageState | undefined;
  /** Lets the feed apply all that is committed. */
  readonly catchUp: () => Promise<void>;
  readonly rollouts: HoldsRollouts;
  /** Given the rollouts that an earlier process knew. */
  readonly onRestored: (list: RolloutList) => void;
  readonly clock: Clock;
  readonly log: OnceLog;
  /** Milliseconds between two looks whether anything has changed since the last snapshot. */
  readonly every: number;
  /** Told of failures that no caller sees. */
  readonly onError: (error: FlagError) => void;
}

/** What storage said of a context, and when, in milliseconds since the Unix epoch. */
export interface KnownRecord {
  readonly record: TenantState;
  readonly at: number;
}

interface Earlier {
  readonly image: TenantImage;
  readonly takenAt: number;
}

const READ_BUDGET = 1_000;
const CLOSE_BUDGET = 5_000;
/** What a timer takes: with more it would be due at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Answers from the snapshot of an earlier process until storage can be asked, and keeps a snapshot for the next. */
export class LastGood {
  readonly #options: LastGoodOptions;
  #store: Promise<SnapshotStore> | undefined;
  #earlier: Earlier | undefined;
  #reading: Promise<void> | undefined;
  #written: StorageState | undefined;
  #keeping: Promise<void> = Promise.resolve();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(options: LastGoodOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** What an earlier process last knew of a context; undefined where it knew nothing. */
  async read(context: TenantContext): Promise<KnownRecord | undefined> {
    this.#reading ??= this.#readInTime();
    await this.#reading;
    const record = this.#earlier?.image.read(context);
    return this.#earlier === undefined || record === undefined
      ? undefined
      : { record, at: this.#earlier.takenAt };
  }

  /** Writes a snapshot now if anything has changed since the last one. */
  keep(): Promise<void> {
    const begin = () => this.#keepNow();
    // A failed one has been reported to its own caller.
    this.#keeping = this.#keeping.then(begin, begin);
    return this.#keeping;
  }

  async #keepNow(): Promise<void> {
    const reached = this.#options.state();
    if (reached === undefined || same(reached, this.#written)) return;
    const snapshot = await momentOf(this.#options);
    if (snapshot === undefined) return;
    const store = await this.#openStore();
    await store.write(snapshot);
    this.#written = { epoch: snapshot.epoch, revision: snapshot.revision };
    // What was read at the start is outdated now: the next outage reads what has just been written.
    this.#earlier = undefined;
    this.#reading = undefined;
  }

  /** Writes a last snapshot if anything has changed, unless storage is lost: for five seconds at most. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    const { connection, clock } = this.#options;
    if (connection.lost !== undefined) return;
    try {
      await within(clock, CLOSE_BUDGET, this.#keepLast(), "The last snapshot is not written.");
    } catch (cause) {
      this.#report(cause, "writing the last snapshot");
    }
  }

  async #keepLast(): Promise<void> {
    // What was written here a moment ago may not have come back through the feed yet.
    if (this.#options.state() !== undefined) await this.#options.catchUp();
    await this.keep();
  }

  /** A store that hangs delays nobody for long; what it brings later is used by those who ask later. */
  async #readInTime(): Promise<void> {
    try {
      await within(this.#options.clock, READ_BUDGET, this.#readEarlier(), "It keeps the last good snapshot.");
    } catch (cause) {
      this.#report(cause, "reading the last good snapshot");
    }
  }

  async #readEarlier(): Promise<void> {
    const store = await this.#openStore();
    const snapshot = await store.read();
    if (snapshot === undefined) return;
    const image = new TenantImage(this.#options.connection);
    image.restore(snapshot);
    this.#earlier = { image, takenAt: snapshot.takenAt };
    this.#options.onRestored(rolloutsOf(snapshot));
  }

  async #openStore(): Promise<SnapshotStore> {
    this.#store ??= this.#options.open();
    try {
      return await this.#store;
    } catch (error) {
      this.#store = undefined;
      throw error;
    }
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.setTimer(
      () => {
        this.keep()
          .catch((cause: unknown) => this.#report(cause, "writing the last good snapshot"))
          .finally(() => this.#schedule());
      },
      Math.min(this.#options.every, LONGEST_TIMER),
    );
  }

  #report(cause: unknown, doing: string): void {
    const error = asStorageError(cause, doing);
    if (error.code === "CLOSED") return;
    this.#options.log.error(`snapshot:${doing}:${error.code}`, { code: error.code, error }, error.message);
    this.#options.onError(error);
  }
}

function rolloutsOf({ epoch, revision, rollouts }: TenantSnapshot): RolloutList {
  const newest = rollouts.reduce((last, rollout) => Math.max(last, rollout.revision), 0);
  return { epoch, revision: Math.min(newest, revision), rollouts };
}

function same(a: StorageState, b: StorageState | undefined): boolean {
  return b !== undefined && a.epoch === b.epoch && a.revision === b.revision;
}
