import { FlagError } from "../../feature-flags/core/errors.ts";
import type { Rollout, RolloutStatus, RolloutStep } from "../../feature-flags/core/rollout.ts";
import { MAX_LISTED, MAX_STEPS } from "../../feature-flags/core/rollout-parse.ts";
import type { TenantRef } from "../../feature-flags/core/storage.ts";
import type { FlagObject } from "../../feature-flags/core/types.ts";
import { servedPercentage, standsSince } from "./tiers.ts";

/** A rollout's next state; undefined where it is there already. Throws ROLLOUT_REFUSED where it cannot get there. */
export type Transition = (rollout: Rollout, now: number) => Rollout | undefined;

/** Begins a planned rollout, or a rolled back one again: at the first tier, with the same salt. */
export const start: Transition = (rollout, now) => {
  if (rollout.status !== "planned" && rollout.status !== "rolled_back") {
    throw refused(rollout, "started", ["planned", "rolled_back"]);
  }
  return at(rollout, 0, now);
};

export const pause: Transition = (rollout) => {
  if (rollout.status === "paused") return undefined;
  if (rollout.status !== "in_progress") throw refused(rollout, "paused", ["in_progress"]);
  return { ...rollout, status: "paused" };
};

export const resume: Transition = (rollout) => {
  if (rollout.status === "in_progress") return undefined;
  if (rollout.status !== "paused") throw refused(rollout, "resumed", ["paused"]);
  return { ...rollout, status: "in_progress" };
};

/** To the next tier; the last one completes the rollout. */
export const advance: Transition = (rollout, now) => {
  if (rollout.status !== "in_progress") throw refused(rollout, "advanced", ["in_progress"]);
  return at(rollout, rollout.tier + 1, now);
};

/** Serves nobody any more. Where it stood is kept, and its salt, so that the same people come back. */
export const rollBack: Transition = (rollout) => {
  return rollout.status === "rolled_back" ? undefined : { ...rollout, status: "rolled_back" };
};

/** Takes it from one tenant only. */
export function rollBackFor(tenant: TenantRef): Transition {
  const listName = tenant.kind === "customer" ? "deniedCustomers" : "deniedOrganizations";
  return (rollout) => {
    const denied = rollout[listName];
    if (denied.includes(tenant.id)) return undefined;
    if (denied.length >= MAX_LISTED) {
      const message = `"${rollout.featureName}" denies ${MAX_LISTED} tenants already. Roll it back as a whole.`;
      throw new FlagError("ROLLOUT_REFUSED", message);
    }
    return { ...rollout, [listName]: [...denied, tenant.id] };
  };
}

/** What the audit trail keeps of a rollout's state. */
export function auditedState(rollout: Rollout): FlagObject {
  const { status, tiers, tier } = rollout;
  return { status, tier: tiers[tier]?.name ?? null, percentage: servedPercentage(rollout) };
}

function at(rollout: Rollout, asked: number, now: number): Rollout {
  const { targetTier } = rollout;
  const tier = Math.min(asked, targetTier);
  const status: RolloutStatus = tier === targetTier ? "completed" : "in_progress";
  const steps: readonly RolloutStep[] = [
    ...rollout.steps.slice(1 - MAX_STEPS),
    { tier, at: Math.max(Math.floor(now), standsSince(rollout)) },
  ];
  return { ...rollout, status, tier, steps };
}

function refused(rollout: Rollout, what: string, from: readonly RolloutStatus[]): FlagError {
  const { featureName, status } = rollout;
  const message = `"${featureName}" is ${status}: it can be ${what} only when it is ${from.join(" or ")}.`;
  return new FlagError("ROLLOUT_REFUSED", message, { details: { featureName, status } });
}
