import type { FlagError } from "./errors.ts";

/** The layer an answer comes from, highest first. */
export const FlagSource = Object.freeze({
  CUSTOMER_OVERRIDE: "customer_override",
  ORGANIZATION_OVERRIDE: "organization_override",
  ROLLOUT: "rollout",
  ENVIRONMENT: "environment",
  DEFAULT: "default",
} as const);
export type FlagSource = (typeof FlagSource)[keyof typeof FlagSource];

/** A value a flag can hold: anything JSON can say. */
export type FlagValue =
  | boolean
  | string
  | number
  | null
  | readonly FlagValue[]
  | { readonly [key: string]: FlagValue };
export type FlagObject = { readonly [key: string]: FlagValue };

type IsBranch<T> = [T] extends [readonly unknown[]]
  ? false
  : [T] extends [object]
    ? string extends keyof T
      ? false
      : keyof T extends never
        ? false
        : true
    : false;

/** Every dotted leaf path of a config: the only spelling of a path that compiles. */
export type FlagPath<C> = {
  [K in keyof C & string]: IsBranch<C[K]> extends true ? `${K}.${FlagPath<C[K]>}` : K;
}[keyof C & string];

/** Every dotted path that has leaves below it. */
export type BranchPath<C> = {
  [K in keyof C & string]: IsBranch<C[K]> extends true ? K | `${K}.${BranchPath<C[K]>}` : never;
}[keyof C & string];

/** The type of the value at a path. */
export type ValueAt<C, P extends string> = P extends `${infer Head}.${infer Rest}`
  ? Head extends keyof C
    ? ValueAt<C[Head], Rest>
    : never
  : P extends keyof C
    ? C[P]
    : never;

/** A config with any leaves left out. Arrays and open records are leaves: they are replaced, never merged. */
export type DeepPartial<C> = {
  readonly [K in keyof C]?:
    | (IsBranch<C[K]> extends true ? DeepPartial<C[K]> : DeepReadonly<C[K]>)
    | undefined;
};

export type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Who is asking. Ids are exact: case-sensitive, 1 to 255 characters, no control characters. */
export interface TenantContext {
  readonly customerId?: string | undefined;
  readonly organizationId?: string | undefined;
}

/** A tenant that can hold an override. */
export interface TenantRef {
  readonly kind: "customer" | "organization";
  readonly id: string;
}

export type Attributes = { readonly [key: string]: string | number | boolean | null };

/** A rule that a merged config breaks, or could not be checked against. */
export interface RuleViolation {
  readonly path: string;
  readonly message: string;
}

/** Part of a stored override that does not fit the definition and is therefore not applied. */
export interface OverrideMismatch {
  readonly layer: FlagSource;
  readonly path: string;
  readonly message: string;
}

/**
 * The answer to "what does this tenant see?". Frozen and shared between callers.
 *
 * @example
 * const evaluation = await manager.getFlags({ customerId: "cust_123" });
 * evaluation.config.sessionPersistence.phase3.tabSync;          // boolean
 * evaluation.sourceOf("sessionPersistence.phase3.tabSync");     // "organization_override"
 */
export interface FlagEvaluation<C extends object> {
  /** The merged config, deeply frozen. */
  readonly config: DeepReadonly<C>;
  /** The layer that answered. Under cascade: the highest layer that set any leaf. */
  readonly source: FlagSource;
  /** When the layers were read and merged, in milliseconds since the Unix epoch. */
  readonly evaluatedAt: number;
  /** Version of the override that answered; undefined where none did. */
  readonly version: number | undefined;
  /** Revision of the storage at which the layers were read; -1 where it could not be read. */
  readonly revision: number;
  /** True when storage failed and this is the last answer known, not a current one. */
  readonly stale: boolean;
  /** Why the answer is stale or falls back to a lower layer; undefined for a current answer. */
  readonly error: FlagError | undefined;
  /** Rules the merged config breaks (rules newer than the stored data). Empty for a sound answer. */
  readonly violations: readonly RuleViolation[];
  /** Stored leaves left out because they no longer fit the definition. */
  readonly mismatches: readonly OverrideMismatch[];
  /** The layer that set the value at `path`. Throws UNKNOWN_PATH for a path the definition lacks. */
  sourceOf(path: FlagPath<C>): FlagSource;
}

/** One changed leaf, as the audit trail keeps it. `undefined` overrides mean: inherited. */
export interface FlagChange {
  readonly path: string;
  /** The value the tenant saw before and after. */
  readonly oldValue: FlagValue | undefined;
  readonly newValue: FlagValue | undefined;
  /** What the tenant's own override said before and after. */
  readonly oldOverride: FlagValue | undefined;
  readonly newOverride: FlagValue | undefined;
}

/**
 * One row of the audit trail: a {@link FlagChange} with who, when, why and its place in the sequence. A change of a
 * rollout names its feature; it is about a tenant only where it was made for that one alone.
 */
export interface FlagChangeEvent extends FlagChange {
  readonly revision: number;
  /** Place within the revision, from 0. */
  readonly position: number;
  /** One id per call: all leaves changed together share it. */
  readonly changeId: string;
  readonly customerId: string | undefined;
  readonly organizationId: string | undefined;
  readonly changedBy: string | undefined;
  /** On whose behalf `changedBy` acted, where the two differ. */
  readonly onBehalfOf: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly changedAt: number;
  readonly reason: string | undefined;
  /** The rollout that changed; undefined for a change of an override. */
  readonly featureName: string | undefined;
  /** What led to a rollout's change: counts, interval, window. */
  readonly evidence: FlagObject | undefined;
}

/** One cached answer, as `FlagCache` keeps it. */
export interface CacheEntry<V> {
  readonly customerId: string | undefined;
  readonly organizationId: string | undefined;
  value: V;
  /** Milliseconds since the cache was made. */
  expiresAt: number;
}

/** Where Strata tells what happened. `pino()` fits as it is. */
export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Time as an argument, so that tests move it. `setTimer` must not keep the process alive. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `run` once after `delay` milliseconds; the returned function cancels it. */
  setTimer(run: () => void, delay: number): () => void;
}
