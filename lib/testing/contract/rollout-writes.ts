import type {
  FlagStorage,
  RolloutDecision,
  RolloutEvent,
  RolloutWrite,
  RolloutWritten,
  StoredRollout,
} from "../../feature-flags/core/storage.ts";
import type { FlagObject } from "../../feature-flags/core/types.ts";
import { flagsIn, WRITTEN_AT } from "./writes.ts";

/** Everything of a rollout's write that the cases only name where it matters to them. */
export type RolloutWriteDetails = Partial<Omit<RolloutWrite, "featureName" | "decide">>;

export function writeRollout(
  storage: FlagStorage,
  featureName: string,
  decide: RolloutWrite["decide"],
  details: RolloutWriteDetails = {},
): Promise<RolloutWritten> {
  return storage.writeRollout({
    featureName,
    changeId: crypto.randomUUID(),
    changedBy: "ada",
    changedAt: WRITTEN_AT,
    reason: "the contract asks for it",
    audit: "best-effort",
    decide,
    ...details,
  });
}

/** Replaces what is stored of the rollout. */
export function putRollout(
  storage: FlagStorage,
  featureName: string,
  rollout: FlagObject,
  details?: RolloutWriteDetails,
): Promise<RolloutWritten> {
  return writeRollout(storage, featureName, () => rolloutDecision(rollout), details);
}

export function rolloutDecision(
  rollout: FlagObject,
  details: Partial<RolloutDecision> = {},
): RolloutDecision {
  return { rollout, path: "chat.tabSync", oldValue: undefined, newValue: { tier: 1 }, ...details };
}

/** What a stored rollout says; nothing where there is none. */
export function rolloutIn(stored: StoredRollout | undefined): FlagObject {
  return flagsIn(stored?.rollout);
}

/** An event of the feature "one", of the contract's moment. */
export function rolloutEvent(details: Partial<RolloutEvent> = {}): RolloutEvent {
  return {
    featureName: "one",
    customerId: "cust_1",
    event: "enabled",
    timestamp: WRITTEN_AT,
    tier: 1,
    ...details,
  };
}

/** Long enough for every moment that the cases name. */
export const EVER = { since: 0, until: Date.UTC(2100, 0, 1) };

/** How many events of the feature are counted in all. */
export async function countedIn(storage: FlagStorage, featureName: string): Promise<number> {
  const counts = await storage.countRolloutEvents({ featureName, ...EVER });
  return counts.reduce((sum, { count }) => sum + count, 0);
}
