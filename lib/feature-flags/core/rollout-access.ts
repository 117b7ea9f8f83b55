import type { StorageConnection } from "./connection.ts";
import type { FlagDefinition } from "./definition.ts";
import type { OnceLog } from "./once-log.ts";
import type { HeldRollout, UnfitRollout } from "./rollout.ts";
import type { Rollouts } from "./rollouts.ts";
import type { FlagStorage, RolloutWrite, RolloutWritten } from "./storage.ts";
import type { Clock, FlagEvaluation, TenantContext } from "./types.ts";

export type { HeldRollout } from "./rollout.ts";

/** What a flag manager gives to those who steer rollouts. */
export interface RolloutAccess<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly clock: Clock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly newId: () => string;
  /** Of this process, among those on the same storage. */
  readonly instanceId: string;
  readonly log: OnceLog;
  readonly audit: "required" | "best-effort";
  /** What is in memory, kept current by the change feed. */
  active(): readonly HeldRollout[];
  get(featureName: string): HeldRollout | undefined;
  /** Stored rollouts that do not apply: they do not fit the definition, or cannot be read. */
  unfit(): readonly UnfitRollout[];
  /** Reads them all anew, and applies them here. */
  refresh(): Promise<void>;
  /** Writes through the guarded connection, and applies the change in this process before it resolves. */
  write(write: RolloutWrite): Promise<RolloutWritten>;
  /** A guarded read. */
  read<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T>;
  /** A guarded write that changes no flag, within ten seconds. */
  record<T>(operation: (storage: FlagStorage) => Promise<T>): Promise<T>;
  evaluate(context: TenantContext): Promise<FlagEvaluation<C>>;
  /** Told of each evaluation that was asked with `exposure: true`. The returned function ends it. */
  onExposure(listener: (context: TenantContext, organizationId: string | undefined) => void): () => void;
  /** Told whenever the rollouts in memory have changed. The returned function ends it. */
  onChange(listener: () => void): () => void;
}

export interface RolloutAccessParts<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly instanceId: string;
  readonly log: OnceLog;
  readonly audit: "required" | "best-effort";
  readonly connection: StorageConnection;
  readonly rollouts: Rollouts<C>;
  readonly evaluate: (context: TenantContext) => Promise<FlagEvaluation<C>>;
  readonly onExposure: RolloutAccess<C>["onExposure"];
}

export function createRolloutAccess<C extends object>(parts: RolloutAccessParts<C>): RolloutAccess<C> {
  const { connection, rollouts, evaluate, onExposure } = parts;
  const { definition, environment, clock, random, newId, instanceId, log, audit } = parts;
  return Object.freeze({
    ...{ definition, environment, clock, random, newId, instanceId, log, audit, evaluate, onExposure },
    active: () => rollouts.book.all(),
    get: (featureName) => rollouts.book.get(featureName),
    unfit: () => rollouts.book.unfit,
    refresh: () => rollouts.refresh(),
    write: (write) => rollouts.write(write),
    read: (operation) => connection.read(operation),
    record: (operation) => connection.write(operation),
    onChange: (listener) => rollouts.onChange(listener),
  } satisfies RolloutAccess<C>);
}
