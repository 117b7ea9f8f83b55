import type { WriteMeta } from "../feature-flags/core/writer.ts";

/** Who makes a change and why, and the version it is meant for. */
export type RolloutChangeMeta = Omit<WriteMeta, "organizationId">;

/** What a change of a rollout did. */
export interface RolloutChanged {
  readonly rollout: object;
  readonly version: number;
  readonly revision: number | undefined;
  readonly changeId: string | undefined;
}

/** What the admin API asks of those who steer rollouts. A `PilotRolloutManager` of any definition fits as it is. */
export interface AdminRollouts {
  listRollouts(): Promise<readonly object[]>;
  /** Undefined where there is none of that name. */
  getRolloutConfig(featureName: string): Promise<object | undefined>;
  createRolloutFrom(input: unknown, meta: RolloutChangeMeta): Promise<RolloutChanged>;
  startRollout(featureName: string, meta: RolloutChangeMeta): Promise<RolloutChanged>;
  pauseRollout(featureName: string, meta: RolloutChangeMeta): Promise<RolloutChanged>;
  resumeRollout(featureName: string, meta: RolloutChangeMeta): Promise<RolloutChanged>;
  advanceRollout(featureName: string, meta: RolloutChangeMeta): Promise<RolloutChanged>;
  rollbackFeature(
    featureName: string,
    reason: string | undefined,
    options: Omit<RolloutChangeMeta, "reason"> & {
      readonly scope?: { readonly customerId: string } | { readonly organizationId: string } | undefined;
    },
  ): Promise<RolloutChanged>;
  getRolloutStats(featureName: string, options: { readonly period?: number | undefined }): Promise<object>;
  forecast(featureName: string, tier: string | number): Promise<object>;
}
