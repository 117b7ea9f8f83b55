import type {
  RolloutDecision,
  RolloutList,
  RolloutWrite,
  RolloutWritten,
  StoredRollout,
} from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent } from "../../feature-flags/core/types.ts";
import { requireActorAndReason, storedJson } from "../write-rules.ts";
import { frozenJson } from "./frozen-json.ts";
import { currentRevision, type MemoryTables } from "./tables.ts";

export function listRollouts(tables: MemoryTables): RolloutList {
  return { epoch: tables.epoch, revision: rolloutsRevision(tables), rollouts: allRollouts(tables) };
}

/** Rollouts are written and never removed, so the newest of theirs is the revision that last changed any. */
export function rolloutsRevision(tables: MemoryTables): number {
  return Math.max(0, ...allRollouts(tables).map(({ revision }) => revision));
}

/** Whole or not at all: whatever can fail is done before the first table changes. */
export function writeRollout(tables: MemoryTables, write: RolloutWrite): RolloutWritten {
  requireActorAndReason(write);
  const { featureName } = write;
  const own = tables.rollouts.get(featureName);
  const others = allRollouts(tables).filter((rollout) => rollout !== own);
  const decision = write.decide(own, others);
  if (decision === undefined) return { version: own?.version ?? 0, revision: undefined };

  // For what it refuses: memory keeps values, not text.
  storedJson("rollout", decision.rollout);
  const revision = currentRevision(tables) + 1;
  const rollout: StoredRollout = Object.freeze({
    featureName,
    rollout: frozenJson(decision.rollout),
    version: (own?.version ?? 0) + 1,
    revision,
    updatedAt: write.changedAt,
    updatedBy: write.changedBy,
  });
  const change = changeEvent(write, decision, revision);

  tables.rollouts.set(featureName, rollout);
  tables.changes.push(change);
  tables.feed.push(Object.freeze({ revision, scope: "rollout", id: featureName }));
  return { version: rollout.version, revision };
}

function allRollouts(tables: MemoryTables): readonly StoredRollout[] {
  return Array.from(tables.rollouts.after(undefined), ([, rollout]) => rollout);
}

function changeEvent(write: RolloutWrite, decision: RolloutDecision, revision: number): FlagChangeEvent {
  const { oldValue, newValue, evidence, tenant } = decision;
  return Object.freeze({
    path: decision.path,
    oldValue: oldValue === undefined ? undefined : frozenJson(oldValue),
    newValue: frozenJson(newValue),
    oldOverride: undefined,
    newOverride: undefined,
    revision,
    position: 0,
    changeId: write.changeId,
    customerId: tenant?.kind === "customer" ? tenant.id : undefined,
    organizationId: tenant?.kind === "organization" ? tenant.id : undefined,
    changedBy: write.changedBy,
    onBehalfOf: write.onBehalfOf,
    changedAt: write.changedAt,
    reason: write.reason,
    featureName: write.featureName,
    evidence: evidence === undefined ? undefined : frozenJson(evidence),
  });
}
