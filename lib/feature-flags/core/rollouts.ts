import type { StorageConnection } from "./connection.ts";
import type { FlagDefinition } from "./definition.ts";
import { asStorageError } from "./errors.ts";
import { Emitter } from "./events.ts";
import type { RolledOut } from "./layers.ts";
import type { OnceLog } from "./once-log.ts";
import { type Concerns, RolloutBook, type RolloutVerdict } from "./rollout-book.ts";
import type { RolloutList, RolloutWrite, RolloutWritten, TenantRecord } from "./storage.ts";
import type { TenantContext } from "./types.ts";

export interface RolloutsOptions<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly connection: StorageConnection;
  readonly log: OnceLog;
  /** Told of what a listener throws. */
  readonly report: (error: unknown) => void;
  /** Ends what is kept for those whom a change concerns. Never rejects. */
  readonly endAnswers: (concerns: Concerns) => Promise<void>;
  /** Told when rollouts have changed here before the feed has brought it. */
  readonly onOwnChange: () => void;
}

/** What an evaluation asks of the rollouts. */
export interface KnowsRollouts {
  /** The revision that last changed any of those held; 0 where none is, -1 where storage has not said it. */
  readonly revision: number;
  /** What they give a tenant; undefined for nothing. */
  rolledOut(ids: TenantContext): RolledOut | undefined;
  /** False before they were read, and where they were not since something here has changed them. */
  readonly isKnown: boolean;
  /** Resolves once what is held is no older than what was read, or storage contradicts itself. */
  upTo(read: Pick<TenantRecord, "epoch" | "rollouts">): Promise<void>;
  /** Whether what is held is what held when `read` was read. */
  belongWith(read: Pick<TenantRecord, "epoch" | "rollouts">): boolean;
  /** Forgets what is held for what storage has, though that may be older. */
  reset(): Promise<void>;
}

/** As often as rollouts may have changed on the way before storage is taken to contradict itself. */
const ATTEMPTS = 3;

/** Holds all rollouts in memory, and reads them anew when what was read elsewhere is newer. */
export class Rollouts<C extends object> implements KnowsRollouts {
  readonly book: RolloutBook<C>;
  readonly #options: RolloutsOptions<C>;
  readonly #changes: Emitter<{ change: undefined }>;
  #reading: Promise<void> | undefined;
  #resets = 0;
  #settled: Promise<unknown> = Promise.resolve();
  /** Whether what is held is an earlier process's knowledge, and storage has not said anything yet. */
  #isRestored = false;

  constructor(options: RolloutsOptions<C>) {
    this.#options = options;
    this.book = new RolloutBook(options.definition);
    this.#changes = new Emitter(options.report);
  }

  get revision(): number {
    return this.#isRestored ? -1 : (this.book.state?.revision ?? 0);
  }

  get isKnown(): boolean {
    return this.book.state !== undefined;
  }

  rolledOut(ids: TenantContext): RolledOut | undefined {
    return this.book.rolledOut(ids);
  }

  verdicts(path: string, ids: TenantContext): readonly RolloutVerdict[] {
    return this.book.verdicts(path, ids);
  }

  async upTo({ epoch, rollouts }: Pick<TenantRecord, "epoch" | "rollouts">): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS && !this.#has(epoch, rollouts); attempt += 1) {
      this.#reading ??= this.#read("lookUp").finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
  }

  belongWith({ epoch, rollouts }: Pick<TenantRecord, "epoch" | "rollouts">): boolean {
    const { state } = this.book;
    if (this.#isRestored) return false;
    if (rollouts === 0 && (state?.revision ?? 0) === 0) return true;
    return state?.epoch === epoch && state.revision === rollouts;
  }

  /** Reads them all, and takes them for what holds now. */
  refresh(): Promise<void> {
    return this.#read("poll");
  }

  async reset(): Promise<void> {
    let held: unknown;
    let list: RolloutList;
    do {
      held = this.book.state;
      list = await this.#options.connection.poll((storage) => storage.listRollouts());
      // What was put meanwhile may be newer than what was asked for before it.
    } while (this.book.state !== held);
    this.#resets += 1;
    this.book.clear();
    this.put(list);
  }

  /** What an earlier process knew, until storage says anything: that replaces it, an older backup's word as well. */
  restore(list: RolloutList): void {
    if (this.book.state !== undefined || this.book.stored.length > 0) return;
    this.put(list);
    this.#isRestored = true;
  }

  /** Unless what is held is newer. */
  put(list: RolloutList): void {
    if (this.#isRestored) this.book.clear();
    this.#isRestored = false;
    const concerns = this.book.put(list);
    if (concerns === undefined) return;
    this.#settled = Promise.all([this.#settled, this.#options.endAnswers(concerns)]);
    for (const { featureName, message } of this.book.unfit) {
      const facts = { featureName, code: "TYPE_MISMATCH" };
      this.#options.log.warn(`rollout:${featureName}:${message}`, facts, `A rollout is left out: ${message}`);
    }
    this.#changes.emit("change", undefined);
  }

  async write(write: RolloutWrite): Promise<RolloutWritten> {
    const written = await this.#options.connection.write((storage) => storage.writeRollout(write));
    if (written.revision === undefined) return written;
    try {
      await this.refresh();
    } catch (cause) {
      // It is committed all the same. Whoever reads storage next is led to read the rollouts too.
      const error = asStorageError(cause, "reading a rollout that was changed here");
      this.#options.log.warn(`rollouts:${error.code}`, { code: error.code, error }, error.message);
      this.book.clear();
      this.#settled = Promise.all([this.#settled, this.#options.endAnswers(() => true)]);
    }
    await this.#settled;
    this.#options.onOwnChange();
    return written;
  }

  /** Resolves once nothing is answered any more from before what is held. */
  async settled(): Promise<void> {
    await this.#settled;
  }

  /** The returned function ends it. */
  onChange(listener: () => void): () => void {
    return this.#changes.on("change", listener);
  }

  async #read(how: "poll" | "lookUp"): Promise<void> {
    for (;;) {
      const held = this.book.state;
      const resets = this.#resets;
      const list = await this.#options.connection[how]((storage) => storage.listRollouts());
      const { state } = this.book;
      // Of two lives of a database no revision says which is the later.
      if (state === held || (state?.epoch === list.epoch && resets === this.#resets)) return this.put(list);
    }
  }

  /** Where there never was a rollout, there is nothing to read. */
  #has(epoch: string, revision: number): boolean {
    const { state } = this.book;
    if (this.#isRestored) return false;
    if (state === undefined) return revision === 0;
    return state.epoch === epoch && state.revision >= revision;
  }
}
