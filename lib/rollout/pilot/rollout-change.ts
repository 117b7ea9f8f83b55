import { FlagError } from "../../feature-flags/core/errors.ts";
import type { Rollout } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import { parseRolloutRow, rolloutJson } from "../../feature-flags/core/rollout-parse.ts";
import type { RolloutDecision, StoredRollout, TenantRef } from "../../feature-flags/core/storage.ts";
import type { FlagObject } from "../../feature-flags/core/types.ts";
import { auditedState, type Transition } from "./transitions.ts";

/** Who makes a change, and why. */
export interface RolloutActor {
  readonly changedBy: string | undefined;
  readonly onBehalfOf?: string | undefined;
  readonly reason: string | undefined;
}

/** A change of one rollout. */
export interface RolloutChange extends RolloutActor {
  readonly featureName: string;
  readonly transition: Transition;
  /** The version that was decided upon. Another one: VERSION_CONFLICT. */
  readonly ifVersion?: number | undefined;
  readonly evidence?: FlagObject | undefined;
  /** The one tenant it is about. */
  readonly tenant?: TenantRef | undefined;
}

/** What a change did. */
export interface RolloutResult {
  readonly rollout: Rollout;
  /** The rollout's version now; unchanged where nothing changed. */
  readonly version: number;
  /** The change's place in the sequence of all changes; undefined where nothing changed. */
  readonly revision: number | undefined;
  /** What its audit row is found by; undefined where nothing changed. */
  readonly changeId: string | undefined;
}

/** Changes a rollout: compares, decides and writes in one transaction, with its audit row. */
export function changeRollout<C extends object>(
  access: RolloutAccess<C>,
  change: RolloutChange,
): Promise<RolloutResult> {
  const { featureName, transition, ifVersion, evidence, tenant } = change;
  return write(access, featureName, change, (stored, others, now) => {
    if (stored === undefined) throw unknownRollout(featureName);
    const rollout = parsed(stored);
    if (ifVersion !== undefined && stored.version !== ifVersion) {
      const message = `"${featureName}" has changed: it has version ${stored.version}, not ${ifVersion}. Look again.`;
      throw new FlagError("VERSION_CONFLICT", message, { details: { version: stored.version, ifVersion } });
    }
    const next = transition(rollout, now);
    if (next === undefined) return { rollout, decision: undefined };
    if (rollout.status === "rolled_back") refuseConflict(next, others);
    const newValue = tenant === undefined ? auditedState(next) : { ...auditedState(next), denied: tenant.id };
    return { rollout: next, decision: decisionOf(next, auditedState(rollout), newValue, evidence, tenant) };
  });
}

/** Stores a new rollout. ROLLOUT_CONFLICT where its name is taken, or its flag by another rollout. */
export function addRollout<C extends object>(
  access: RolloutAccess<C>,
  rollout: Rollout,
  actor: RolloutActor,
): Promise<RolloutResult> {
  const { featureName } = rollout;
  return write(access, featureName, actor, (stored, others) => {
    if (stored !== undefined) {
      const message = `There is a rollout "${featureName}" already. Start that one again, or choose another name.`;
      throw new FlagError("ROLLOUT_CONFLICT", message, { details: { featureName } });
    }
    refuseConflict(rollout, others);
    return { rollout, decision: decisionOf(rollout, undefined, auditedState(rollout)) };
  });
}

export function unknownRollout(featureName: string): FlagError {
  const shown = String(featureName).slice(0, 255);
  return new FlagError("NOT_FOUND", `There is no rollout "${shown}". Create it, or look its name up.`);
}

type Decide = (
  stored: StoredRollout | undefined,
  others: readonly StoredRollout[],
  now: number,
) => { readonly rollout: Rollout; readonly decision: RolloutDecision | undefined };

async function write<C extends object>(
  access: RolloutAccess<C>,
  featureName: string,
  { changedBy, onBehalfOf, reason }: RolloutActor,
  decide: Decide,
): Promise<RolloutResult> {
  const changeId = access.newId();
  const changedAt = access.clock.now();
  let decided: Rollout | undefined;
  const written = await access.write({
    ...{ featureName, changeId, changedBy, onBehalfOf, changedAt, reason, audit: access.audit },
    decide: (stored, others) => {
      const { rollout, decision } = decide(stored, others, changedAt);
      decided = rollout;
      return decision;
    },
  });
  if (decided === undefined)
    throw new FlagError("INTERNAL", "Storage has written a rollout without deciding.");
  const { version, revision } = written;
  return Object.freeze({
    rollout: Object.freeze(decided),
    ...{ version, revision, changeId: revision === undefined ? undefined : changeId },
  });
}

function decisionOf(
  rollout: Rollout,
  oldValue: FlagObject | undefined,
  newValue: FlagObject,
  evidence?: FlagObject,
  tenant?: TenantRef,
): RolloutDecision {
  return { rollout: rolloutJson(rollout), path: rollout.path, oldValue, newValue, evidence, tenant };
}

function parsed(stored: StoredRollout): Rollout {
  const rollout = parseRolloutRow(stored);
  if (typeof rollout !== "string") return rollout;
  const { featureName } = stored;
  const message = `The stored rollout "${featureName}" is damaged: ${rollout}. It serves nobody; mend its row.`;
  throw new FlagError("STORAGE_CORRUPT", message, { details: { featureName } });
}

/** Two rollouts of one flag would leave it to their order who gets which value. */
function refuseConflict(rollout: Rollout, others: readonly StoredRollout[]): void {
  for (const other of others) {
    const known = parseRolloutRow(other);
    if (typeof known === "string" || known.path !== rollout.path || known.status === "rolled_back") continue;
    const message = `"${rollout.path}" is set by the rollout "${other.featureName}" already. Roll that one back first.`;
    throw new FlagError("ROLLOUT_CONFLICT", message, {
      path: rollout.path,
      details: { featureName: other.featureName },
    });
  }
}
