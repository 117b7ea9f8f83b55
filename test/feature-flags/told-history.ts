import { bucketOf } from "../../lib/feature-flags/core/bucket.ts";
import type { FlagObject, TenantContext } from "../../lib/feature-flags/core/types.ts";

/** A rollout of `limits.maxSeats`, by what decides whom it serves. */
export interface PlainRollout {
  readonly seats: number;
  readonly unit: "customer" | "organization";
  readonly percentage: number;
  readonly isRolledBack: boolean;
}

/** One committed change. */
export type Operation =
  | {
      readonly do: "override";
      readonly kind: "customer" | "organization";
      readonly id: string;
      readonly flags: FlagObject;
    }
  | {
      readonly do: "register";
      readonly customers: readonly { readonly id: string; readonly organizationId: string | undefined }[];
    }
  | { readonly do: "rollout"; readonly featureName: string; readonly rollout: PlainRollout };

/** Everything at one revision. */
export interface Moment {
  readonly customer: ReadonlyMap<string, FlagObject>;
  readonly organization: ReadonlyMap<string, FlagObject>;
  readonly memberships: ReadonlyMap<string, string | undefined>;
  readonly rollouts: ReadonlyMap<string, PlainRollout>;
}

export const CUSTOMERS = ["cust_1", "cust_2", "cust_3"];
export const ORGANIZATIONS = ["org_1", "org_2"];
export const CONTEXTS: readonly TenantContext[] = [
  ...CUSTOMERS.map((customerId) => ({ customerId })),
  { customerId: "cust_1", organizationId: "org_2" },
  ...ORGANIZATIONS.map((organizationId) => ({ organizationId })),
];

export const NOTHING: Moment = {
  customer: new Map(),
  organization: new Map(),
  memberships: new Map(),
  rollouts: new Map(),
};

export function after(moment: Moment, operation: Operation): Moment {
  if (operation.do === "override") {
    const { kind, id, flags } = operation;
    return { ...moment, [kind]: new Map([...moment[kind], [id, flags]]) };
  }
  if (operation.do === "rollout") {
    const { featureName, rollout } = operation;
    return { ...moment, rollouts: new Map([...moment.rollouts, [featureName, rollout]]) };
  }
  const registered = operation.customers.map(({ id, organizationId }) => [id, organizationId] as const);
  return { ...moment, memberships: new Map([...moment.memberships, ...registered]) };
}

/** What a tenant sees at a moment, layer by layer: the values that tests change, as text. */
export function seenAt(moment: Moment, { customerId, organizationId }: TenantContext): string {
  const through =
    organizationId ?? (customerId === undefined ? undefined : moment.memberships.get(customerId));
  let seen: { plan: unknown; note: unknown; seats: unknown } = { plan: "free", note: null, seats: 5 };
  for (const [featureName, rollout] of [...moment.rollouts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const unit = rollout.unit === "customer" ? customerId : through;
    const isServed =
      rollout.percentage === 100 ||
      (unit !== undefined && bucketOf(featureName, unit) < rollout.percentage * 1_000);
    if (isServed && !rollout.isRolledBack) seen = { ...seen, seats: rollout.seats };
  }
  const organization = through === undefined ? undefined : moment.organization.get(through);
  const customer = customerId === undefined ? undefined : moment.customer.get(customerId);
  return JSON.stringify({ ...seen, ...organization, ...customer });
}

/** The same of an answer. */
export function seenIn(config: { plan: string; note: string | null; limits: { maxSeats: number } }): string {
  return JSON.stringify({ plan: config.plan, note: config.note, seats: config.limits.maxSeats });
}
