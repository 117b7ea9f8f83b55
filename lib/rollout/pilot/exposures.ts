import { bucketOf } from "../../feature-flags/core/bucket.ts";
import type { Rollout } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import { selectRollout } from "../../feature-flags/core/rollout-selection.ts";
import { contextError } from "../../feature-flags/core/tenant-id.ts";
import { FlagSource, type TenantContext } from "../../feature-flags/core/types.ts";
import type { RolloutEventInput } from "./event-input.ts";
import { isFlagPath } from "./flag-path.ts";
import { standsSince } from "./tiers.ts";

export interface ExposureOptions {
  /** Milliseconds within which a customer is recorded once. */
  readonly window: number;
  /** Customers remembered at most. */
  readonly capacity: number;
  readonly record: (event: RolloutEventInput) => void;
}

/**
 * Records as "enabled" who has been given a rollout's value by an evaluation, once per feature, customer and window,
 * however many instances evaluate: they all give the event the window's own time, and the same event counts once.
 */
export function createExposures<C extends object>(
  access: RolloutAccess<C>,
  options: ExposureOptions,
): (context: TenantContext, organizationId: string | undefined) => void {
  const { clock, log } = access;
  /** The window each was last recorded in. The oldest is forgotten first: recording it again does no harm. */
  const seen = new Map<string, number>();

  function isNew(rollout: Rollout, customerId: string, at: number): boolean {
    const key = `${rollout.featureName}\u0000${customerId}`;
    if (seen.get(key) === at) return false;
    seen.delete(key);
    seen.set(key, at);
    if (seen.size > options.capacity) {
      const [oldest] = seen.keys();
      if (oldest !== undefined) seen.delete(oldest);
    }
    return true;
  }

  async function recordServed(
    context: TenantContext & { readonly customerId: string },
    organizationId: string | undefined,
    exposed: readonly (readonly [Rollout, number])[],
  ): Promise<void> {
    // An override may have decided: then the rollout was not what the customer saw.
    const evaluation = await access.evaluate(context);
    for (const [{ featureName, path }, timestamp] of exposed) {
      if (!isFlagPath(access.definition, path) || evaluation.sourceOf(path) !== FlagSource.ROLLOUT) continue;
      options.record({
        featureName,
        customerId: context.customerId,
        organizationId,
        event: "enabled",
        timestamp,
      });
    }
  }

  return (context, organizationId) => {
    // An evaluation is asked with anything, and answers all the same.
    if (contextError(context) !== undefined || context.customerId === undefined) return;
    const { customerId } = context;
    const now = clock.now();
    const exposed: (readonly [Rollout, number])[] = [];
    for (const rollout of access.active()) {
      if (!selectRollout(rollout, { customerId, organizationId }).enabled) continue;
      const at = exposureTime(rollout, customerId, options.window, now);
      if (isNew(rollout, customerId, at)) exposed.push([rollout, at]);
    }
    if (exposed.length === 0) return;
    recordServed({ ...context, customerId }, organizationId, exposed).catch((error: unknown) => {
      log.warn("rollout-exposure", { error }, "An exposure could not be recorded.");
    });
  };
}

/**
 * The time an exposure is recorded with: where the customer's window began, though not before the rollout came to
 * where it stands. Windows begin at another moment for each customer, so that at no moment all of them are due
 * again; and four fit into the window in which errors count, so that a customer who goes on asking never drops out
 * of it while the errors stay.
 */
export function exposureTime(rollout: Rollout, customerId: string, window: number, now: number): number {
  const errorsCount = rollout.rollbackThreshold?.timeWindow ?? Number.POSITIVE_INFINITY;
  const length = Math.max(1, Math.floor(Math.min(window, errorsCount / 4)));
  const phase = Math.floor((bucketOf(rollout.featureName, customerId) / 100_000) * length);
  const began = Math.floor((now - phase) / length) * length + phase;
  return Math.max(began, Math.min(now, standsSince(rollout)));
}
