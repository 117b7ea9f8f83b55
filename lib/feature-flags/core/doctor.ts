import type { StorageConnection } from "./connection.ts";
import type { FlagDefinition } from "./definition.ts";
import { createResolver, type Resolver, type RolledOut } from "./layers.ts";
import type { StoredOverride, TenantOverride, TenantRef } from "./storage.ts";
import { FlagSource, type OverrideMismatch, type RuleViolation, type TenantContext } from "./types.ts";

/** A stored override that does not fit the definition, or whose tenant's flags break a rule. */
export interface Ailment {
  readonly tenant: TenantRef;
  readonly version: number;
  readonly mismatches: readonly OverrideMismatch[];
  readonly violations: readonly RuleViolation[];
}

export interface DoctorParts<C extends object> {
  readonly connection: StorageConnection;
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly rollouts: { rolledOut(ids: TenantContext): RolledOut | undefined; refresh(): Promise<void> };
}

const PAGE = 1_000;

/** Every stored override that is not sound, page by page. Reads only. */
export async function* ailingOverrides<C extends object>({
  connection,
  definition,
  environment,
  rollouts,
}: DoctorParts<C>): AsyncGenerator<Ailment> {
  const resolver = createResolver(definition, definition.environment(environment));
  await rollouts.refresh();
  let after: TenantRef | undefined;
  do {
    const from = after;
    const page = await connection.bulk((storage) => storage.listOverrides({ after: from, limit: PAGE }));
    const organizations = await organizationsOf(connection, page.overrides);
    for (const override of page.overrides) {
      const { mismatches, violations } = asSeen(resolver, override, organizations, rollouts);
      if (mismatches.length + violations.length === 0) continue;
      yield Object.freeze({ tenant: override.tenant, version: override.version, mismatches, violations });
    }
    after = page.next;
  } while (after !== undefined);
}

interface KnownOrganization {
  readonly id: string;
  readonly override: StoredOverride | undefined;
}

/** What a customer sees depends on its organization, too: those known, by customer, in two queries. */
async function organizationsOf(
  connection: StorageConnection,
  overrides: readonly TenantOverride[],
): Promise<ReadonlyMap<string, KnownOrganization>> {
  const ids = overrides.filter(({ tenant }) => tenant.kind === "customer").map(({ tenant }) => tenant.id);
  if (ids.length === 0) return new Map();
  return await connection.bulk(async (storage) => {
    const customers = await storage.readCustomers(ids);
    const named = new Set(customers.flatMap(({ organizationId }) => organizationId ?? []));
    const tenants = [...named].map((id) => ({ kind: "organization", id }) as const);
    const found = tenants.length === 0 ? [] : await storage.readOverrides(tenants);
    const byId = new Map(found.map((override) => [override.tenant.id, override]));
    return new Map(
      customers.flatMap(({ id, organizationId }) =>
        organizationId === undefined
          ? []
          : [[id, { id: organizationId, override: byId.get(organizationId) }] as const],
      ),
    );
  });
}

function asSeen<C extends object>(
  resolver: Resolver<C>,
  override: TenantOverride,
  organizations: ReadonlyMap<string, KnownOrganization>,
  rollouts: { rolledOut(ids: TenantContext): RolledOut | undefined },
): Pick<Ailment, "mismatches" | "violations"> {
  const { kind, id } = override.tenant;
  if (kind === "organization") {
    return resolver.resolve({ organization: override }, rollouts.rolledOut({ organizationId: id }));
  }
  const organization = organizations.get(id);
  const overrides = { customer: override, organization: organization?.override };
  const ids = { customerId: id, organizationId: organization?.id };
  const seen = resolver.resolve(overrides, rollouts.rolledOut(ids));
  // The organization's own faults are listed at the organization.
  const mismatches = seen.mismatches.filter(({ layer }) => layer === FlagSource.CUSTOMER_OVERRIDE);
  return { mismatches, violations: seen.violations };
}
