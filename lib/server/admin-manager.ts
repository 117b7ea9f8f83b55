import type { PatchInput } from "../feature-flags/core/patch.ts";
import type { TenantRef } from "../feature-flags/core/storage.ts";
import type { FlagEvaluation, FlagSource, TenantContext } from "../feature-flags/core/types.ts";
import type { WriteMeta } from "../feature-flags/core/writer.ts";
import type { FlagWriteResult } from "../feature-flags/manager-options.ts";

/** What the admin API asks of a definition. */
export interface AdminDefinition {
  readonly leaves: ReadonlyMap<string, { readonly segments: readonly string[]; readonly kind: string }>;
  describe(path: string): { readonly label: string; readonly text: string | undefined };
}

/** What the admin API reads of an evaluation. */
export interface AdminEvaluation extends Omit<FlagEvaluation<object>, "config" | "sourceOf"> {
  readonly config: object;
  sourceOf(path: string): FlagSource;
}

/** What the admin API asks of a manager. A `FeatureFlagManager` of any definition fits as it is. */
export interface AdminManager {
  readonly definition: AdminDefinition;
  /** The environment's name. */
  readonly environment: string;
  /** With `fresh`, from exactly one query; never rejects: a failure is the evaluation's `error`. */
  getFlags(context: TenantContext, options: { readonly fresh: boolean }): Promise<AdminEvaluation>;
  updateOverride(tenant: TenantRef, change: PatchInput, meta: WriteMeta): Promise<FlagWriteResult>;
}
