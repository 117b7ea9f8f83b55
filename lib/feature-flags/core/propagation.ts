import type { FlagCache } from "./cache.ts";
import type { StorageConnection } from "./connection.ts";
import { asStorageError, FlagError } from "./errors.ts";
import { FeedFollower } from "./feed.ts";
import { TenantImage } from "./image.ts";
import type { OnceLog } from "./once-log.ts";
import type { FeedEvent, StorageState, StoredOverride, TenantRecord, TenantRef } from "./storage.ts";
import type { Clock, TenantContext } from "./types.ts";

export interface PropagationOptions<V> {
  readonly connection: StorageConnection;
  readonly cache: FlagCache<V>;
  readonly rollouts: {
    readonly revision: number;
    upTo(state: Pick<TenantRecord, "epoch" | "rollouts">): Promise<void>;
    settled(): Promise<void>;
    reset(): Promise<void>;
  };
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OnceLog;
  /** Milliseconds between two polls of the feed. */
  readonly pollEvery: number;
  /** Whether to hold everything in memory. */
  readonly preload: boolean;
  /** Told of changes once the next read here will see them; of none when the feed begins. */
  readonly onApplied: (events: readonly Pick<FeedEvent, "scope" | "id">[]) => void;
  /** Told of failures that no caller sees. */
  readonly onError: (error: FlagError) => void;
}

const EVERYTHING = [{ scope: "everything", id: undefined }] as const;
const ROLLOUTS = [{ scope: "rollout", id: undefined }] as const;

const RETRY_LOAD_AFTER = 1_000;

/** Keeps what this process holds current: the cache, and the image of all tenants where there is one. */
export class Propagation<V> {
  readonly image: TenantImage | undefined;
  readonly #options: PropagationOptions<V>;
  readonly #feed: FeedFollower;
  #loading: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(options: PropagationOptions<V>) {
    this.#options = options;
    this.image = options.preload ? new TenantImage(options.connection) : undefined;
    this.#feed = new FeedFollower({
      ...options,
      apply: (events, state, toldBy) => this.#apply(events, state, toldBy),
      reset: () => this.#readAnew("reset"),
      applyingReads: options.preload,
    });
  }

  /** Begins to load everything, where that was asked for. */
  begin(): void {
    if (this.image !== undefined) this.#beginLoading();
  }

  /** Whether an answer read at `state` may be kept. The first one starts the feed. */
  accepts(state: StorageState): boolean {
    const isFirst = this.#feed.state === undefined;
    const accepted = this.#feed.accepts(state);
    if (isFirst) this.#options.onApplied([]);
    return accepted;
  }

  /** Resolves once all is in memory, where that was asked for. Rejects if this attempt fails; others follow. */
  async ready(): Promise<void> {
    if (this.image === undefined) return;
    this.#loading ??= this.#load();
    await this.#loading;
  }

  catchUp(): Promise<void> {
    return this.#feed.catchUp();
  }

  /** A write made here is visible to the next read here, whatever the feed is doing. */
  applyOwn(tenant: TenantRef, override: StoredOverride): void {
    this.image?.put(tenant, override);
    this.#invalidate(tenant.kind, tenant.id);
    this.#options.onApplied([{ scope: tenant.kind, id: tenant.id }]);
  }

  /** Rollouts changed here are seen by the next read here, too. */
  applyOwnRollout(): void {
    this.#options.onApplied(ROLLOUTS);
  }

  /** Ends what is kept for those a change concerns, with room for other work in between. */
  async endAnswers(concerns: (ids: TenantContext) => boolean): Promise<void> {
    for (const _ of this.#options.cache.invalidateWhere(concerns)) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** The state whose changes have all been applied; undefined before the first read. */
  get state(): StorageState | undefined {
    return this.#feed.state;
  }

  /** When storage last confirmed that nothing newer than `state` is committed. */
  get confirmedAt(): number | undefined {
    return this.#feed.confirmedAt;
  }

  /** Looks for changes now, without anybody waiting. */
  wake(): void {
    this.#feed.wake();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#feed.close();
  }

  async #apply(
    events: readonly FeedEvent[],
    state: StorageState,
    toldBy: "notices" | "tables",
  ): Promise<void> {
    const { rollouts } = this.#options;
    const rollout = events.findLast(({ scope }) => scope === "rollout");
    const bringRollouts = async () => {
      if (rollout === undefined) return;
      await rollouts.upTo({ epoch: state.epoch, rollouts: rollout.revision });
      // Foretold and not committed (yet): taken for applied, the commit itself would be passed over.
      if (toldBy === "notices" && rollouts.revision < rollout.revision) throw notCommitted(rollout);
    };
    if (this.image === undefined) await bringRollouts();
    else await this.image.refresh(events, state, bringRollouts);
    if (rollout !== undefined) await rollouts.settled();
    for (const { scope, id } of events) this.#invalidate(scope, id);
    this.#options.onApplied(events);
  }

  async #readAnew(why: "begin" | "reset"): Promise<StorageState> {
    const { connection, cache, rollouts } = this.#options;
    const readState = async () => {
      const state = await connection.read((storage) => storage.readState());
      await rollouts.reset();
      return state;
    };
    const state = await (this.image?.load(() => rollouts.reset()) ?? readState());
    const known = this.#feed.state;
    const wentBack = why === "reset" && known !== undefined && state.revision < known.revision;
    // Of another life of the database nothing holds any more, not even as the last known answer.
    if (wentBack || known?.epoch !== state.epoch) cache.clear();
    else cache.invalidateAll();
    this.#options.onApplied(EVERYTHING);
    return state;
  }

  #invalidate(scope: FeedEvent["scope"], id: string | undefined): void {
    const { cache } = this.#options;
    if (scope === "customer" && id !== undefined) cache.invalidateCustomer(id);
    else if (scope === "organization" && id !== undefined) cache.invalidateOrganization(id);
    // What a rollout's change ends was ended when it was read.
    else if (scope !== "rollout") cache.invalidateAll();
  }

  async #load(): Promise<void> {
    try {
      this.#feed.start(await this.#readAnew("begin"));
      await this.#feed.catchUp();
    } catch (error) {
      this.#loading = undefined;
      this.#cancelRetry?.();
      if (!this.#closed) {
        this.#cancelRetry = this.#options.clock.setTimer(() => this.#beginLoading(), RETRY_LOAD_AFTER);
      }
      throw error;
    }
  }

  #beginLoading(): void {
    this.ready().catch((cause: unknown) => {
      const error = asStorageError(cause, "loading all overrides into memory");
      if (error.code === "CLOSED") return;
      this.#options.log.warn(`preload:${error.code}`, { code: error.code, error }, error.message);
      this.#options.onError(error);
    });
  }
}

function notCommitted({ id, revision }: FeedEvent): FlagError {
  const message = `Storage knows of no change of the rollout "${id}" at revision ${revision}.`;
  return new FlagError("STORAGE_UNAVAILABLE", message);
}
