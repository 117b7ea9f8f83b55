import type {
  OverridePage,
  TenantOverride,
  TenantRecord,
  TenantRef,
} from "../../feature-flags/core/storage.ts";
import type { TenantContext } from "../../feature-flags/core/types.ts";
import { rolloutsRevision } from "./rollouts.ts";
import { currentRevision, type MemoryTables, organizationOf } from "./tables.ts";

export function readTenant(tables: MemoryTables, context: TenantContext): TenantRecord {
  const organizationId = organizationOf(tables, context.customerId, context.organizationId);
  const { customer, organization } = tables.overrides;
  return {
    customer: context.customerId === undefined ? undefined : customer.get(context.customerId),
    organization: organizationId === undefined ? undefined : organization.get(organizationId),
    organizationId,
    revision: currentRevision(tables),
    epoch: tables.epoch,
    rollouts: rolloutsRevision(tables),
  };
}

export function listOverrides(
  tables: MemoryTables,
  page: { after?: TenantRef | undefined; limit: number },
): OverridePage {
  const overrides: TenantOverride[] = [];
  for (const override of overridesAfter(tables, page.after)) {
    if (overrides.length === page.limit) return { overrides, next: overrides.at(-1)?.tenant };
    overrides.push(override);
  }
  return { overrides, next: undefined };
}

export function readOverrides(tables: MemoryTables, tenants: readonly TenantRef[]): TenantOverride[] {
  return tenants.flatMap(({ kind, id }) => {
    const override = tables.overrides[kind].get(id);
    return override === undefined ? [] : [{ ...override, tenant: { kind, id } }];
  });
}

function* overridesAfter(tables: MemoryTables, after: TenantRef | undefined): Generator<TenantOverride> {
  if (after?.kind !== "organization") yield* overridesOf(tables, "customer", after?.id);
  yield* overridesOf(tables, "organization", after?.kind === "organization" ? after.id : undefined);
}

function* overridesOf(
  tables: MemoryTables,
  kind: TenantRef["kind"],
  after: string | undefined,
): Generator<TenantOverride> {
  for (const [id, override] of tables.overrides[kind].after(after))
    yield { ...override, tenant: { kind, id } };
}
