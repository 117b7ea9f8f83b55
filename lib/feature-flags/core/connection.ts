import { systemClock } from "./clock.ts";
import { FlagError } from "./errors.ts";
import { StorageGuard, within } from "./guard.ts";
import { LoadQueue } from "./load-queue.ts";
import type { FlagStorage, TenantRecord } from "./storage.ts";
import type { Clock, TenantContext } from "./types.ts";

/** A storage, or what opens one on first use. */
export type StorageOption = FlagStorage | (() => Promise<FlagStorage>);

export interface ConnectionOptions {
  readonly clock?: Clock | undefined;
  /** 0 to 1, for jitter. */
  readonly random?: (() => number) | undefined;
  /** The most milliseconds one evaluation waits for storage. Default: 250. */
  readonly readBudget?: number | undefined;
  /** The most milliseconds opening the storage may take. Default: 3,000. */
  readonly initTimeout?: number | undefined;
  /** Evaluations that ask storage at the same time; the others queue. Default: 16. */
  readonly loadsAtOnce?: number | undefined;
  readonly onLost?: ((error: FlagError) => void) | undefined;
  readonly onRecovered?: ((milliseconds: number) => void) | undefined;
}

const WRITE_BUDGET = 10_000;
const READ_BUDGET = 2_000;
/** Of the one query that also has to find out that storage no longer answers. */
const POLL_BUDGET = 1_000;
const BULK_BUDGET = 30_000;
const CLOSE_BUDGET = 10_000;

/**
 * The one way to storage. Opens it when first needed, and again if that failed; bounds every call in time; and
 * once storage is lost, refuses calls at once until a probe finds it back.
 */
export class StorageConnection {
  readonly #option: StorageOption;
  readonly #clock: Clock;
  readonly #guard: StorageGuard;
  readonly #queue: LoadQueue;
  readonly #readBudget: number;
  readonly #initTimeout: number;
  #storage: FlagStorage | undefined;
  #opening: { readonly storage: Promise<FlagStorage>; readonly inTime: Promise<FlagStorage> } | undefined;
  #closing: Promise<void> | undefined;

  constructor(option: StorageOption, options: ConnectionOptions = {}) {
    checkOption(option);
    this.#option = option;
    this.#storage = typeof option === "function" ? undefined : option;
    this.#clock = options.clock ?? systemClock;
    this.#readBudget = options.readBudget ?? 250;
    this.#initTimeout = options.initTimeout ?? 3_000;
    this.#queue = new LoadQueue(options.loadsAtOnce ?? 16);
    this.#guard = new StorageGuard({
      clock: this.#clock,
      random: options.random ?? Math.random,
      probe: async () => (await this.#open()).readState(),
      onLost: options.onLost ?? (() => {}),
      onRecovered: options.onRecovered ?? (() => {}),
    });
  }

  /** Why storage is not asked at present; undefined while it is. */
  get lost(): FlagError | undefined {
    return this.#guard.lost;
  }

  /** What storage knows of a context, for an evaluation: within its budget, and not too many at once. */
  readTenant(context: TenantContext): Promise<TenantRecord> {
    return this.#queue.run(() => this.lookUp((storage) => storage.readTenant(context)));
  }

  /** A read that an evaluation waits for: within its budget. */
  lookUp<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T> {
    return this.#run(operation, this.#readBudget);
  }

  /** A read that an administrator, or what runs beside evaluations, waits for. */
  read<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T> {
    return this.#run(operation, READ_BUDGET);
  }

  /** A look at the change feed. */
  poll<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T> {
    return this.#run(operation, POLL_BUDGET);
  }

  /** A read of much, such as a page of all overrides. */
  bulk<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T> {
    return this.#run(operation, BULK_BUDGET);
  }

  /** A write. One that is late may have been committed all the same. */
  write<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T> {
    const unknown = "Read before you write again: the change may have been made.";
    return this.#run(operation, WRITE_BUDGET, unknown);
  }

  /** Closes the storage if it was opened here; one that was handed over open belongs to its owner. */
  close(): Promise<void> {
    this.#closing ??= this.#closeNow();
    return this.#closing;
  }

  async #closeNow(): Promise<void> {
    this.#guard.close();
    if (typeof this.#option !== "function" || this.#opening === undefined) return;
    const closed = this.#opening.storage.then(
      (storage) => storage.close(),
      () => {},
    );
    await within(this.#clock, CLOSE_BUDGET, closed, "It could not be closed in time.");
  }

  async #run<T>(operation: (storage: FlagStorage) => Promise<T>, budget: number, late?: string): Promise<T> {
    if (this.#closing !== undefined) {
      throw new FlagError("CLOSED", "The flag manager is closed. Make a new one.");
    }
    const storage = this.#storage ?? (await this.#guard.run(() => this.#open(), this.#initTimeout));
    return await this.#guard.run(() => operation(storage), budget, late);
  }

  /** One attempt at a time, however long it takes: whoever comes later than `initTimeout` does not wait for it. */
  #open(): Promise<FlagStorage> {
    if (this.#storage !== undefined) return Promise.resolve(this.#storage);
    if (this.#opening === undefined) {
      const storage = this.#openNow();
      this.#opening = { storage, inTime: within(this.#clock, this.#initTimeout, storage) };
    }
    return this.#opening.inTime;
  }

  async #openNow(): Promise<FlagStorage> {
    try {
      this.#storage = typeof this.#option === "function" ? await this.#option() : this.#option;
      return this.#storage;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}

function checkOption(option: unknown): void {
  if (typeof option === "function") return;
  if (typeof option === "object" && option !== null && "readTenant" in option) return;
  throw new FlagError(
    "STORAGE_UNAVAILABLE",
    "`storage` must be an open storage, or a function that opens one: () => sqliteStorage({ file }). " +
      "Await a promise, or wrap what makes it in a function.",
  );
}
