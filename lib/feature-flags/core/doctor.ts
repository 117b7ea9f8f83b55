import type { StorageConnection } from "./connection.ts";
import type { EnvironmentFlags, FlagDefinition } from "./definition.ts";
import { createResolver, type Resolver } from "./layers.ts";
import type { TenantOverride, TenantRef } from "./storage.ts";
import type { OverrideMismatch, RuleViolation } from "./types.ts";

/** A stored override that does not fit the definition, or whose tenant's flags break a rule. */
export interface Ailment {
  readonly tenant: TenantRef;
  readonly version: number;
  readonly mismatches: readonly OverrideMismatch[];
  readonly violations: readonly RuleViolation[];
}

const PAGE = 1_000;

/** Every stored override that is not sound, page by page. Reads only. */
export async function* ailingOverrides<C extends object>(
  connection: StorageConnection,
  definition: FlagDefinition<C>,
  environment: EnvironmentFlags<C>,
): AsyncGenerator<Ailment> {
  const resolver = createResolver(definition, environment);
  let after: TenantRef | undefined;
  do {
    const from = after;
    const page = await connection.bulk((storage) => storage.listOverrides({ after: from, limit: PAGE }));
    for (const override of page.overrides) {
      const { mismatches, violations } = await asSeen(connection, definition, resolver, override);
      if (mismatches.length + violations.length === 0) continue;
      yield Object.freeze({ tenant: override.tenant, version: override.version, mismatches, violations });
    }
    after = page.next;
  } while (after !== undefined);
}

/** Under cascade what a customer sees depends on its organization too; otherwise the override stands alone. */
async function asSeen<C extends object>(
  connection: StorageConnection,
  definition: FlagDefinition<C>,
  resolver: Resolver<C>,
  override: TenantOverride,
): Promise<Pick<Ailment, "mismatches" | "violations">> {
  const { tenant } = override;
  if (tenant.kind === "organization") return resolver.resolve({ organization: override });
  if (definition.resolution === "first-match") return resolver.resolve({ customer: override });
  return resolver.resolve(await connection.readTenant({ customerId: tenant.id }));
}
