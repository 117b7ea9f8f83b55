import type { FlagValue } from "./types.ts";

/**
 * planned: serves those allowed by name only. in_progress: serves its percentage and may advance. paused: goes on
 * serving, does not advance. completed: has reached its last tier, which it goes on serving. rolled_back: serves
 * nobody.
 */
export type RolloutStatus = "planned" | "in_progress" | "paused" | "completed" | "rolled_back";

/** One step of a rollout. */
export interface RolloutTier {
  readonly name: string;
  /** 0 to 100, in steps of 0.001. */
  readonly percentage: number;
  /** Milliseconds that a rollout stays here at least before it advances. */
  readonly minimumAge: number;
  /** `enabled` and `error` events that it must have seen here before it advances. */
  readonly minimumEvents: number;
}

/** When a rollout is taken back by itself. */
export interface RollbackThreshold {
  /** Errors out of all `enabled` and `error` events, 0 to 1: above it the rollout is taken back. */
  readonly errorRate: number;
  /** Milliseconds: events older than that do not count. */
  readonly timeWindow: number;
  /** With fewer events than these in the window, nothing is decided. */
  readonly minimumEvents: number;
  /** "interval": the lower end of the 95 % Wilson interval must be above; "point": the rate itself. */
  readonly confidence: "interval" | "point";
}

/** Advances a rollout by itself. */
export interface RolloutSchedule {
  /** Milliseconds that every tier is observed at least; a tier's own `minimumAge` may ask for more. */
  readonly bakeTime: number;
}

/** When a rollout entered a tier, in milliseconds since the Unix epoch. */
export interface RolloutStep {
  readonly tier: number;
  readonly at: number;
}

/** A gradual release of one value to more and more tenants. */
export interface Rollout {
  readonly featureName: string;
  /** The flag it sets. */
  readonly path: string;
  readonly value: FlagValue;
  /** Whose id decides: with "organization" all customers of one agree. */
  readonly unit: "customer" | "organization";
  /** What ids are hashed with. Two rollouts with the same salt choose the same people. */
  readonly salt: string;
  readonly status: RolloutStatus;
  /** In order; percentages never fall. */
  readonly tiers: readonly RolloutTier[];
  /** Where it stands: an index into `tiers`. */
  readonly tier: number;
  /** Where it completes: an index into `tiers`. */
  readonly targetTier: number;
  readonly allowedCustomers: readonly string[];
  readonly deniedCustomers: readonly string[];
  readonly deniedOrganizations: readonly string[];
  readonly rollbackThreshold: RollbackThreshold | undefined;
  readonly schedule: RolloutSchedule | undefined;
  /** Its way through the tiers, oldest first; the last one is where it stands. */
  readonly steps: readonly RolloutStep[];
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
}

/** A rollout as it is held in memory: checked, frozen. */
export interface HeldRollout extends Rollout {
  readonly version: number;
  readonly revision: number;
}

/** A stored rollout that does not apply, and why. */
export interface UnfitRollout {
  readonly featureName: string;
  readonly message: string;
}
