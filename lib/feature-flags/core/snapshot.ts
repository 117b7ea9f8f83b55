import type { StoredRollout, TenantOverride } from "./storage.ts";

/** Everything storage held at one revision: complete, or it is none. */
export interface TenantSnapshot {
  readonly epoch: string;
  readonly revision: number;
  /** Milliseconds since the Unix epoch. */
  readonly takenAt: number;
  readonly overrides: readonly TenantOverride[];
  /** Customer id, organization id. */
  readonly memberships: readonly (readonly [customerId: string, organizationId: string])[];
  /** By `featureName`. */
  readonly rollouts: readonly StoredRollout[];
}

/** Keeps the last known good snapshot where a process that starts without storage finds it. */
export interface SnapshotStore {
  /** The newest sound snapshot; undefined if there is none. Never rejects because one is damaged. */
  read(): Promise<TenantSnapshot | undefined>;
  /** Replaces the newest and keeps the one before. Resolves once it is on disk. */
  write(snapshot: TenantSnapshot): Promise<void>;
}
