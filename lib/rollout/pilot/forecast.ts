import { fitOverride } from "../../feature-flags/core/fit.ts";
import { readPath } from "../../feature-flags/core/paths.ts";
import type { Rollout } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import { selectRollout } from "../../feature-flags/core/rollout-selection.ts";
import type { CustomerRecord, TenantRef } from "../../feature-flags/core/storage.ts";
import { FlagSource } from "../../feature-flags/core/types.ts";
import { knownCustomers } from "./known-customers.ts";

/** What keeps a customer out whom the tier would reach. */
export type Exclusion = "denied" | "customer override" | "organization override";

/** Who would be served at a tier, of the customers in the tenant directory. Lists end after 1,000; counts do not. */
export interface RolloutForecast {
  readonly featureName: string;
  readonly tier: string;
  readonly percentage: number;
  readonly known: number;
  /** Not served now, and served then. */
  readonly comesIn: { readonly count: number; readonly customers: readonly string[] };
  /** Served now and then. */
  readonly alreadyIn: number;
  /** Served now and not then: the tier is below where the rollout stands. */
  readonly goesOut: number;
  /** Whom the percentage does not reach, or who has no organization where that decides. */
  readonly staysOut: number;
  readonly excluded: {
    readonly count: number;
    readonly customers: readonly { readonly customerId: string; readonly by: Exclusion }[];
  };
}

const LISTED = 1_000;

export async function forecastRollout<C extends object>(
  access: RolloutAccess<C>,
  rollout: Rollout,
  tier: number,
): Promise<RolloutForecast> {
  const { name = "", percentage = 0 } = rollout.tiers[tier] ?? {};
  const then: Rollout = { ...rollout, status: "in_progress", tier };
  // Those denied are told apart from those out of reach by asking as if nobody were denied.
  const undenied: Rollout = { ...then, deniedCustomers: [], deniedOrganizations: [] };
  const counts = { known: 0, alreadyIn: 0, goesOut: 0, staysOut: 0, comesIn: 0, excluded: 0 };
  const comesIn: string[] = [];
  const excluded: { readonly customerId: string; readonly by: Exclusion }[] = [];

  for await (const page of knownCustomers(access)) {
    const reached = page.filter((customer) => isServed(undenied, customer));
    const overrides = await overriding(access, rollout.path, reached);
    counts.known += page.length;
    counts.staysOut += page.length - reached.length - outsideButServed(rollout, undenied, page);
    counts.goesOut += outsideButServed(rollout, undenied, page);
    for (const customer of reached) {
      const by = isServed(then, customer) ? overrides(customer) : "denied";
      if (by !== undefined) {
        counts.excluded += 1;
        if (excluded.length < LISTED) excluded.push(Object.freeze({ customerId: customer.id, by }));
      } else if (isServed(rollout, customer)) counts.alreadyIn += 1;
      else {
        counts.comesIn += 1;
        if (comesIn.length < LISTED) comesIn.push(customer.id);
      }
    }
  }
  const { known, alreadyIn, goesOut, staysOut } = counts;
  return Object.freeze({
    ...{ featureName: rollout.featureName, tier: name, percentage, known, alreadyIn, goesOut, staysOut },
    comesIn: Object.freeze({ count: counts.comesIn, customers: Object.freeze(comesIn) }),
    excluded: Object.freeze({ count: counts.excluded, customers: Object.freeze(excluded) }),
  });
}

function isServed(rollout: Rollout, { id, organizationId }: CustomerRecord): boolean {
  return selectRollout(rollout, { customerId: id, organizationId }).enabled;
}

function outsideButServed(rollout: Rollout, then: Rollout, page: readonly CustomerRecord[]): number {
  return page.filter((customer) => isServed(rollout, customer) && !isServed(then, customer)).length;
}

/** Which override sets the flag for a customer, and so wins over the rollout. */
async function overriding<C extends object>(
  access: RolloutAccess<C>,
  path: string,
  customers: readonly CustomerRecord[],
): Promise<(customer: CustomerRecord) => Exclusion | undefined> {
  const organizations = new Set(customers.flatMap(({ organizationId }) => organizationId ?? []));
  const tenants: TenantRef[] = [
    ...customers.map(({ id }) => ({ kind: "customer", id }) as const),
    ...[...organizations].map((id) => ({ kind: "organization", id }) as const),
  ];
  const stored = tenants.length === 0 ? [] : await access.read((storage) => storage.readOverrides(tenants));
  const { leaves, resolution } = access.definition;
  const segments = leaves.get(path)?.segments ?? [];
  const fitted = stored.map(({ tenant, flags }) => {
    const source =
      tenant.kind === "customer" ? FlagSource.CUSTOMER_OVERRIDE : FlagSource.ORGANIZATION_OVERRIDE;
    return { tenant, values: fitOverride(access.definition, source, flags).values };
  });
  const idsOf = (kind: TenantRef["kind"], holds: (values: object) => boolean) =>
    new Set(
      fitted
        .filter(({ tenant, values }) => tenant.kind === kind && holds(values))
        .map(({ tenant }) => tenant.id),
    );
  const setsPath = (values: object) => readPath(values, segments) !== undefined;
  const own = idsOf("customer", setsPath);
  // Under first-match an override of any flag hides the organization's as a whole.
  const hiding =
    resolution === "cascade" ? own : idsOf("customer", (values) => Object.keys(values).length > 0);
  const inherited = idsOf("organization", setsPath);
  return ({ id, organizationId = "" }) => {
    if (own.has(id)) return "customer override";
    return inherited.has(organizationId) && !hiding.has(id) ? "organization override" : undefined;
  };
}
