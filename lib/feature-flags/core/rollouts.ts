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
  /** What they give a tenant; undefined for nothing. */
  rolledOut(ids: TenantContext): RolledOut | undefined;
  /** Resolves once what is held is no older than what was read. */
  upTo(read: Pick<TenantRecord, "epoch" | "rollouts">): Promise<void>;
  /** Whether what is held is from after `read`, which then has to be read again. */
  isAheadOf(read: Pick<TenantRecord, "epoch" | "revision">): boolean;
}

/** As often as rollouts may have changed on the way before a reader is told that storage contradicts itself. */
const ATTEMPTS = 3;

/** Holds all rollouts in memory, and reads them anew when what was read elsewhere is newer. */
export class Rollouts<C extends object> implements KnowsRollouts {
  readonly book: RolloutBook<C>;
  readonly #options: RolloutsOptions<C>;
  readonly #changes: Emitter<{ change: undefined }>;
  #reading: Promise<void> | undefined;
  #settled: Promise<unknown> = Promise.resolve();
  /** Whether what is held is an earlier process's knowledge, and storage has not said anything yet. */
  #isRestored = false;

  constructor(options: RolloutsOptions<C>) {
    this.#options = options;
    this.book = new RolloutBook(options.definition);
    this.#changes = new Emitter(options.report);
  }

  /** The revision that last changed any of those held; 0 where none is, -1 where storage has not said it. */
  get revision(): number {
    return this.#isRestored ? -1 : (this.book.state?.revision ?? 0);
  }

  rolledOut(ids: TenantContext): RolledOut | undefined {
    return this.book.rolledOut(ids);
  }

  verdicts(path: string, ids: TenantContext): readonly RolloutVerdict[] {
    return this.book.verdicts(path, ids);
  }

  async upTo({ epoch, rollouts }: Pick<TenantRecord, "epoch" | "rollouts">): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS && !this.#has(epoch, rollouts); attempt += 1) {
      this.#reading ??= this.#lookUp().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
  }

  isAheadOf({ epoch, revision }: Pick<TenantRecord, "epoch" | "revision">): boolean {
    const { state } = this.book;
    return state?.epoch === epoch && state.revision > revision;
  }

  /** Reads them all, and takes them for what holds now. */
  async refresh(): Promise<void> {
    this.put(await this.#options.connection.poll((storage) => storage.listRollouts()));
  }

  /** Forgets what is held for what storage has, though that may be older. */
  async reset(): Promise<void> {
    const list = await this.#options.connection.poll((storage) => storage.listRollouts());
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

  async #lookUp(): Promise<void> {
    this.put(await this.#options.connection.lookUp((storage) => storage.listRollouts()));
  }

  /** Where there never was a rollout, there is nothing to read. */
  #has(epoch: string, revision: number): boolean {
    const { state } = this.book;
    if (this.#isRestored) return false;
    if (state === undefined) return revision === 0;
    return state.epoch === epoch && state.revision >= revision;
  }
}
