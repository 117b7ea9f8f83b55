import type { RolloutStatus } from "../../lib/feature-flags/core/rollout.ts";
import type { EventBufferStats, RolloutEventInput } from "../../lib/rollout/pilot-manager.ts";

/** How a worker process looks after rollouts. */
export interface SteeringTask {
  /** As the manager of rollouts has them, in milliseconds. */
  readonly checkEvery: number;
  readonly flushEvery: number;
  /** The customer whose `beta.search` is watched. */
  readonly probe: string;
}

/** What a worker that steers rollouts can be told, with what it answers. */
export interface RolloutOrders {
  /** Knows the rollouts, and watches the probe, once it answers: as whom it takes leases. */
  steer: { readonly asked: object; readonly answer: string };
  record: {
    readonly asked: { readonly events: readonly RolloutEventInput[]; readonly flush: boolean };
    readonly answer: EventBufferStats;
  };
  /** Records one event after another until it is killed, and notes each in a file beforehand. */
  keepRecording: {
    readonly asked: { readonly featureName: string; readonly notes: string };
    readonly answer: null;
  };
  rollout: { readonly asked: { readonly featureName: string }; readonly answer: RolloutSight };
}

/** What one process makes of a rollout. Times are the machine's monotonic clock's, in nanoseconds. */
export interface RolloutSight {
  readonly status: RolloutStatus | undefined;
  readonly tier: number | undefined;
  readonly version: number | undefined;
  /** What it answers the probe at `beta.search`. */
  readonly search: boolean;
  /** When the probe's answer changed here, and to what; oldest first. */
  readonly turns: readonly { readonly search: boolean; readonly at: number }[];
  /** When commits were sent from here of transactions that had written a rollout; oldest first. */
  readonly committed: readonly number[];
}
