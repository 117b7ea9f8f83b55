import type { FlagCacheStats } from "./core/cache.ts";
import type { StorageOption } from "./core/connection.ts";
import type { FlagDefinition } from "./core/definition.ts";
import type { FlagError } from "./core/errors.ts";
import type { EvaluationCounts } from "./core/evaluator.ts";
import type { SnapshotStore } from "./core/snapshot.ts";
import type { Clock, FlagChange, FlagEvaluation, Log } from "./core/types.ts";

export interface FeatureFlagManagerOptions<C extends object> {
  /** Default: the chat widget's flags. */
  readonly definition?: FlagDefinition<C> | undefined;
  /** An open storage, or what opens one on first use. Default: the one the process's settings name. */
  readonly storage?: StorageOption | undefined;
  /** Default: `STRATA_ENV`, else `NODE_ENV`, else production. */
  readonly environment?: string | undefined;
  /** "required": every change needs an actor, a reason and its audit rows. Default: "best-effort". */
  readonly audit?: "required" | "best-effort" | undefined;
  /** `ttl` in milliseconds (default: 5 minutes), `maxEntries` (default: 100,000). */
  readonly cache?:
    | { readonly ttl?: number | undefined; readonly maxEntries?: number | undefined }
    | undefined;
  /** Keep all overrides in memory. Await `ready()` before relying on `peek`. Default: false. */
  readonly preload?: boolean | undefined;
  /** Milliseconds between two looks for changes made elsewhere, where storage gives no notice. Default: 1,000. */
  readonly pollEvery?: number | undefined;
  /** The most milliseconds one evaluation waits for storage. Default: 250. */
  readonly readBudget?: number | undefined;
  /** The most milliseconds opening the storage may take. Default: 3,000. */
  readonly initTimeout?: number | undefined;
  /** Evaluations that ask storage at the same time; the others queue. Default: 16. */
  readonly loadsAtOnce?: number | undefined;
  /** Where to keep the last good state of all tenants, for a start without storage: a file's path, or a store. */
  readonly snapshot?: string | SnapshotStore | undefined;
  /** Milliseconds between two snapshots, where something has changed. `close` writes one more. Default: 30,000. */
  readonly snapshotEvery?: number | undefined;
  /** Told of every answer, for metrics. Must be quick and must not throw. Default: nobody. */
  readonly observe?: ((evaluation: FlagEvaluation<C>) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** Makes change ids. Default: random UUIDs. */
  readonly newId?: (() => string) | undefined;
  /** 0 to 1, for jitter. */
  readonly random?: (() => number) | undefined;
}

/** What a change did. */
export interface FlagWriteResult {
  /** The override's version now; unchanged where nothing changed. */
  readonly version: number;
  /** The change's place in the sequence of all changes; undefined where nothing changed. */
  readonly revision: number | undefined;
  /** Shared by the audit rows of this call; undefined where nothing changed. */
  readonly changeId: string | undefined;
  readonly changes: readonly FlagChange[];
  /** "kept": the audit table refused the rows; they wait in the database and are tried again. */
  readonly audit: "written" | "kept";
}

/** How the manager has fared since it was made. */
export interface FlagManagerStats extends EvaluationCounts {
  readonly cache: FlagCacheStats;
  /** Changes whose audit rows had to be kept aside. */
  readonly auditKept: number;
  /** The revision applied, and when storage last confirmed that it is the newest (Unix epoch, milliseconds). */
  readonly feed: { readonly revision: number | undefined; readonly confirmedAt: number | undefined };
  /** Why storage is not asked at present; undefined while it is. */
  readonly storageLost: FlagError | undefined;
}
