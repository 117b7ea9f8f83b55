import type { Rollout } from "../../feature-flags/core/rollout.ts";
import { selectRollout } from "../../feature-flags/core/rollout-selection.ts";
import type { CheckedEvent } from "./event-input.ts";

/** Whether an event counts. "unclear": the customer's organization decides, and is not known. */
export type Admission = "counts" | "not served" | "unclear";

/**
 * Whether an event counts for its rollout. Nobody who is not served can have been given the feature, or errors by
 * it: whoever says so anyway must not take it from the others.
 */
export function admission(
  rollout: Rollout,
  event: CheckedEvent,
  organizationId: string | undefined,
  isOrganizationKnown: boolean,
): Admission {
  if (event.event === "disabled") return "counts";
  if (organizationId === undefined && !isOrganizationKnown && needsOrganization(rollout)) return "unclear";
  const { enabled } = selectRollout(rollout, { customerId: event.customerId, organizationId });
  return enabled ? "counts" : "not served";
}

/** Whether the rollout can be asked about a customer only together with its organization. */
export function needsOrganization({ unit, deniedOrganizations }: Rollout): boolean {
  return unit === "organization" || deniedOrganizations.length > 0;
}
