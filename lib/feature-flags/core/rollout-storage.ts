import type { Attributes, FlagObject, FlagValue, TenantRef } from "./types.ts";

/** A rollout as stored. `rollout` is whatever the row holds: it is checked before use. */
export interface StoredRollout {
  readonly featureName: string;
  readonly rollout: unknown;
  /** From 1, up by one with every change. */
  readonly version: number;
  /** The revision that last changed it. */
  readonly revision: number;
  readonly updatedAt: number;
  readonly updatedBy: string | undefined;
}

/** All rollouts, from one statement. */
export interface RolloutList {
  readonly epoch: string;
  /** The revision that last changed any rollout; 0 where none ever did. */
  readonly revision: number;
  /** By `featureName`. */
  readonly rollouts: readonly StoredRollout[];
}

export interface RolloutDecision {
  /** The whole rollout to store. */
  readonly rollout: FlagObject;
  /** The flag it sets, for the audit row. */
  readonly path: string;
  /** Its state before and after as the audit row keeps it, such as `{ status, tier, percentage }`. */
  readonly oldValue: FlagValue | undefined;
  readonly newValue: FlagValue;
  /** What led to it: counts, interval, window. */
  readonly evidence?: FlagObject | undefined;
  /** The one tenant it is about, where it is about one. */
  readonly tenant?: TenantRef | undefined;
}

export interface RolloutWrite {
  readonly featureName: string;
  readonly changeId: string;
  readonly changedBy: string | undefined;
  readonly onBehalfOf?: string | undefined;
  readonly changedAt: number;
  readonly reason: string | undefined;
  /** "required" asks for an actor and a reason. Without its audit row a rollout never changes: AUDIT_UNAVAILABLE. */
  readonly audit: "required" | "best-effort";
  /**
   * Called once with all rollouts locked: pure, synchronous. Undefined means "nothing to change"; what it throws
   * aborts the transaction and reaches the caller unchanged.
   */
  decide(current: StoredRollout | undefined, others: readonly StoredRollout[]): RolloutDecision | undefined;
}

export interface RolloutWritten {
  /** The rollout's version now; 0 where none is stored. */
  readonly version: number;
  /** The revision of this change; undefined where nothing changed. */
  readonly revision: number | undefined;
}

export type RolloutEventKind = "enabled" | "disabled" | "error";

export interface RolloutEvent {
  readonly featureName: string;
  readonly customerId: string;
  readonly event: RolloutEventKind;
  /** Whole milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** Where the rollout stood then. */
  readonly tier: number;
  readonly metadata?: Attributes | undefined;
}

/** The events of one kind in one tier during one minute. */
export interface RolloutCount {
  /** Milliseconds since the Unix epoch: the start of the minute. */
  readonly minute: number;
  readonly tier: number;
  readonly event: RolloutEventKind;
  readonly count: number;
}

/** The events of one rollout with `since` <= timestamp < `until`, in whole milliseconds since the Unix epoch. */
export interface RolloutWindow {
  readonly featureName: string;
  readonly since: number;
  readonly until: number;
}

/** What to forget, in milliseconds since the Unix epoch. */
export interface RolloutExpiry {
  readonly eventsBefore: number;
  readonly countsBefore: number;
}

/** Work that one of many processes does at a time, until it gives the lease back or lets it run out. */
export interface LeaseRequest {
  readonly name: string;
  readonly holder: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly until: number;
}

/** The part of a storage that keeps rollouts, what happened under them, and who looks after them. */
export interface RolloutStorage {
  /** ONE statement. */
  listRollouts(): Promise<RolloutList>;
  /** Lock all rollouts, decide, write, audit, advance the revision: one transaction. */
  writeRollout(write: RolloutWrite): Promise<RolloutWritten>;
  /**
   * One transaction, that adds the new ones to the counts; resolves with how many were new. The same feature,
   * customer, kind and timestamp count once, ever: an event as old as those already forgotten is not new either.
   * No change: revision, feed and audit trail stay as they are.
   */
  recordRolloutEvents(events: readonly RolloutEvent[]): Promise<number>;
  /**
   * The events of a window, to the millisecond: ONE statement. By minute, tier and event. Where the window begins or
   * ends within a minute, that minute's events must not have been forgotten: those that were are left out.
   */
  countRolloutEvents(window: RolloutWindow): Promise<readonly RolloutCount[]>;
  /**
   * Forgets the events, and the counts, of all minutes that were over by these times, in milliseconds since the
   * Unix epoch. Counts stay when their events go. A call takes no longer than a write may: it resolves with whether
   * there is more to forget, which takes another call.
   */
  expireRolloutEvents(limits: RolloutExpiry): Promise<boolean>;

  /** True where the lease is free, has run out by `now`, or is this holder's: then it is held until `until`. */
  takeLease(lease: LeaseRequest): Promise<boolean>;
  /** Gives it back where it is this holder's. */
  releaseLease(name: string, holder: string): Promise<void>;
}
