import { BUCKETS, bucketOf } from "./bucket.ts";
import type { Rollout } from "./rollout.ts";
import type { TenantContext } from "./types.ts";

/** What decided whether a tenant is served. "no unit": the context lacks the id that is asked for. */
export type SelectionReason = "status" | "denied" | "allowed" | "percentage" | "no unit";

/** Whether a rollout serves a tenant, and why. */
export interface RolloutSelection {
  readonly enabled: boolean;
  readonly because: SelectionReason;
  /** Where the unit lies, 0 to 99,999; undefined without a unit. */
  readonly bucket: number | undefined;
  /** The buckets below this are served, of 100,000. */
  readonly threshold: number;
}

type Selecting = Pick<
  Rollout,
  | "unit"
  | "salt"
  | "status"
  | "tiers"
  | "tier"
  | "allowedCustomers"
  | "deniedCustomers"
  | "deniedOrganizations"
>;

/**
 * Whether the rollout serves this tenant: pure, and monotone in the percentage. A rolled back one serves nobody;
 * else those denied are out, then those allowed are in, then the percentage decides. A planned one serves those
 * allowed only. With the unit "organization" a customer without one has no unit: allowed by name, or at 100 %.
 */
export function selectRollout(rollout: Selecting, ids: TenantContext): RolloutSelection {
  const { customerId, organizationId } = ids;
  const unit = rollout.unit === "organization" ? organizationId : customerId;
  const bucket = unit === undefined ? undefined : bucketOf(rollout.salt, unit);
  const threshold = servedBuckets(rollout);
  const because = (reason: SelectionReason, enabled: boolean): RolloutSelection => {
    return { enabled, because: reason, bucket, threshold };
  };
  if (rollout.status === "rolled_back") return because("status", false);
  if (customerId !== undefined && lists(rollout.deniedCustomers, customerId)) return because("denied", false);
  if (organizationId !== undefined && lists(rollout.deniedOrganizations, organizationId)) {
    return because("denied", false);
  }
  if (customerId !== undefined && lists(rollout.allowedCustomers, customerId))
    return because("allowed", true);
  if (rollout.status === "planned") return because("status", false);
  // Everybody is everybody, also those who have no id of the unit.
  if (threshold >= BUCKETS) return because("percentage", true);
  if (bucket === undefined) return because("no unit", false);
  return because("percentage", bucket < threshold);
}

/** How many of the 100,000 buckets are served where the rollout stands. */
function servedBuckets(rollout: Selecting): number {
  if (rollout.status === "rolled_back" || rollout.status === "planned") return 0;
  return Math.round(((rollout.tiers[rollout.tier]?.percentage ?? 0) * BUCKETS) / 100);
}

/** The lists of a rollout are never changed, so a long one is made a set once. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>();
const SHORT = 16;

function lists(ids: readonly string[], id: string): boolean {
  if (ids.length <= SHORT) return ids.includes(id);
  const set = sets.get(ids) ?? new Set(ids);
  sets.set(ids, set);
  return set.has(id);
}
