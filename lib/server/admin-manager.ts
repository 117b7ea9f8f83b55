import type { FlagError } from "../feature-flags/core/errors.ts";
import type { TenantRef } from "../feature-flags/core/storage.ts";
import type {
  FlagChange,
  FlagObject,
  FlagSource,
  FlagValue,
  OverrideMismatch,
  RuleViolation,
  TenantContext,
} from "../feature-flags/core/types.ts";

/** What the admin API asks of a definition. */
export interface AdminDefinition {
  readonly leaves: ReadonlyMap<string, { readonly segments: readonly string[]; readonly kind: string }>;
  describe(path: string): { readonly label: string; readonly text: string | undefined };
}

/** What the admin API reads of an evaluation. */
export interface AdminEvaluation {
  readonly config: object;
  readonly source: FlagSource;
  readonly evaluatedAt: number;
  readonly version: number | undefined;
  readonly revision: number;
  readonly stale: boolean;
  readonly error: FlagError | undefined;
  readonly violations: readonly RuleViolation[];
  readonly mismatches: readonly OverrideMismatch[];
  sourceOf(path: string): FlagSource;
}

/** Leaves to set and to let inherit again, in one change. */
export interface AdminChange {
  /** A partial config. */
  readonly set?: FlagObject;
  /** Values by dotted path. */
  readonly setPaths?: Readonly<Record<string, FlagValue>>;
  readonly unset?: readonly string[];
}

export interface AdminChangeMeta {
  readonly changedBy: string;
  readonly onBehalfOf?: string | undefined;
  readonly reason?: string | undefined;
  readonly ifVersion?: number | undefined;
}

export interface AdminChangeResult {
  readonly version: number;
  readonly revision: number | undefined;
  readonly changeId: string | undefined;
  readonly changes: readonly FlagChange[];
}

/** What the admin API asks of a manager. A `FeatureFlagManager` of any definition fits as it is. */
export interface AdminManager {
  readonly definition: AdminDefinition;
  /** With `fresh`, from exactly one query; never rejects: a failure is the evaluation's `error`. */
  getFlags(context: TenantContext, options: { readonly fresh: boolean }): Promise<AdminEvaluation>;
  updateOverride(tenant: TenantRef, change: AdminChange, meta: AdminChangeMeta): Promise<AdminChangeResult>;
}
