import type { FlagStorage, TenantRef } from "../../../lib/feature-flags/core/storage.ts";
import type { FlagObject, FlagValue, TenantContext } from "../../../lib/feature-flags/core/types.ts";
import type { SeededRandom } from "../seeded-random.ts";

/** Tenants of every kind: in the directory or not, with an organization or without, with an override or without. */
export interface Population {
  readonly tenants: readonly TenantRef[];
  readonly customers: readonly string[];
  readonly organizations: readonly string[];
  /** The directory: the organization of each registered customer. */
  readonly memberships: ReadonlyMap<string, string>;
  readonly overrides: ReadonlyMap<string, FlagObject>;
}

const ORGANIZATIONS = 30;
const CUSTOMERS = 170;
const REGISTERED = 100;

/** The key of a tenant within a population: kinds hold no spaces. */
export function tenantKey({ kind, id }: TenantRef): string {
  return `${kind} ${id}`;
}

export function contextOf({ kind, id }: TenantRef): TenantContext {
  return kind === "customer" ? { customerId: id } : { organizationId: id };
}

/** 200 tenants. Two of three organizations and every other customer have an override. */
export async function populate(storage: FlagStorage, random: SeededRandom): Promise<Population> {
  const organizations = ids("org", ORGANIZATIONS);
  const customers = ids("cust", CUSTOMERS);
  const memberships = new Map(
    customers.slice(0, REGISTERED).map((id, index) => [id, `org_${index % ORGANIZATIONS}`] as const),
  );
  await storage.registerOrganizations(organizations.map((id) => ({ id, name: `Organization ${id}` })));
  await storage.registerCustomers(
    [...memberships].map(([id, organizationId]) => ({
      id,
      organizationId,
      name: `Customer ${id}`,
      attributes: { tier: "gold", seats: 3 },
    })),
  );
  const overrides = new Map<string, FlagObject>();
  for (const [index, id] of organizations.entries()) {
    if (index % 3 === 2) continue;
    overrides.set(tenantKey({ kind: "organization", id }), soundFlags(random));
    await storage.saveOrganizationFlags(id, overrides.get(`organization ${id}`) ?? {}, "ada");
  }
  for (const [index, id] of customers.entries()) {
    if (index % 2 === 1) continue;
    overrides.set(tenantKey({ kind: "customer", id }), soundFlags(random));
    await storage.saveCustomerFlags(id, overrides.get(`customer ${id}`) ?? {}, "ada");
  }
  const tenants: TenantRef[] = [
    ...customers.map((id) => ({ kind: "customer", id }) as const),
    ...organizations.map((id) => ({ kind: "organization", id }) as const),
  ];
  return { tenants, customers, organizations, memberships, overrides };
}

function ids(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}_${index}`);
}

/** Some of the flags, always more than one leaf, with values that everything takes and no rule forbids. */
function soundFlags({ below, next, pick }: SeededRandom): FlagObject {
  const flags: Record<string, FlagValue> = { plan: pick(["team", "business", "für alle"]) };
  if (next() < 0.7) flags["limits"] = { seats: below(1_000), regions: pick([["us"], ["eu", "us"], []]) };
  if (next() < 0.7) flags["beta"] = { sync: next() < 0.5, inner: { deep: next() < 0.5 } };
  if (next() < 0.4) flags["note"] = pick(["call first", "", null]);
  if (next() < 0.4) flags["labels"] = { owner: pick(["ada", "grace"]), team: "core" };
  return flags;
}
