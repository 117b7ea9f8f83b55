import type { EnvironmentFlags, FlagDefinition } from "./definition.ts";
import { createResolver, type Resolver } from "./layers.ts";
import type { FlagStorage, TenantOverride, TenantRef } from "./storage.ts";
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
  storage: FlagStorage,
  definition: FlagDefinition<C>,
  environment: EnvironmentFlags<C>,
): AsyncGenerator<Ailment> {
  const resolver = createResolver(definition, environment);
  let after: TenantRef | undefined;
  do {
    const page = await storage.listOverrides({ after, limit: PAGE });
    for (const override of page.overrides) {
      const { mismatches, violations } = await asSeen(storage, definition, resolver, override);
      if (mismatches.length + violations.length === 0) continue;
      yield Object.freeze({ tenant: override.tenant, version: override.version, mismatches, violations });
    }
    after = page.next;
  } while (after !== undefined);
}

/** Under cascade what a customer sees depends on its organization too; otherwise the override stands alone. */
async function asSeen<C extends object>(
  storage: FlagStorage,
  definition: FlagDefinition<C>,
  resolver: Resolver<C>,
  override: TenantOverride,
): Promise<Pick<Ailment, "mismatches" | "violations">> {
  const { tenant } = override;
  if (tenant.kind === "organization") return resolver.resolve({ organization: override });
  if (definition.resolution === "first-match") return resolver.resolve({ customer: override });
  return resolver.resolve(await storage.readTenant({ customerId: tenant.id }));
}
