import { logFlagChanges, sameValue } from "./change-tracking.ts";
import type { StorageConnection } from "./connection.ts";
import type { FlagDefinition } from "./definition.ts";
import { FlagError } from "./errors.ts";
import { fitOverride } from "./fit.ts";
import { createResolver, type ResolvedFlags, type Resolver, type TenantOverrides } from "./layers.ts";
import { applyPatch, type Patch, type PatchInput, parsePatch } from "./patch.ts";
import { isFlagObject } from "./paths.ts";
import type {
  LockedTenant,
  OverrideDecision,
  OverrideWritten,
  StoredOverride,
  TenantRef,
} from "./storage.ts";
import { checkId } from "./tenant-id.ts";
import { type Clock, type FlagObject, FlagSource } from "./types.ts";

/** Who changes an override, why, and what they believe to be there. */
export interface WriteMeta {
  readonly changedBy?: string | undefined;
  readonly onBehalfOf?: string | undefined;
  readonly reason?: string | undefined;
  /** The version the override must have; 0 for none yet. Otherwise VERSION_CONFLICT. */
  readonly ifVersion?: number | undefined;
  /** A customer's organization, where the tenant directory does not know it. */
  readonly organizationId?: string | undefined;
}

export interface WriterParts<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly connection: StorageConnection;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly audit: "required" | "best-effort";
}

/** What storage did, and the override as it stands now. */
export interface Written extends OverrideWritten {
  readonly changeId: string;
  /** Undefined where nothing changed. */
  readonly override: StoredOverride | undefined;
}

/** Changes overrides: checks the patch, then decides inside the storage's transaction what is to be written. */
export class FlagWriter<C extends object> {
  readonly #parts: WriterParts<C>;
  readonly #resolver: Resolver<C>;

  constructor(parts: WriterParts<C>) {
    this.#parts = parts;
    this.#resolver = createResolver(parts.definition, parts.definition.environment(parts.environment));
  }

  /** Rejects with the code of what is wrong; then nothing was written. */
  async update(tenant: TenantRef, input: PatchInput, meta: WriteMeta): Promise<Written> {
    const { definition, connection, clock, newId, audit } = this.#parts;
    checkId(tenant.kind, tenant.id);
    if (meta.organizationId !== undefined) checkId("organization", meta.organizationId);
    checkActor(meta, audit);
    const patch = parsePatch(definition, input);
    const storage = await connection.open();
    const changeId = newId();
    const changedAt = clock.now();
    let flags: FlagObject = {};
    const written = await storage.writeOverride({
      tenant,
      organizationId: meta.organizationId,
      withCustomers:
        tenant.kind === "organization" && definition.resolution === "cascade" && definition.hasRules,
      changeId,
      changedBy: meta.changedBy,
      onBehalfOf: meta.onBehalfOf,
      changedAt,
      reason: meta.reason,
      audit,
      decide: (current) => {
        const decision = this.#decide(tenant, current, patch, meta.ifVersion);
        if (decision !== undefined) flags = decision.flags;
        return decision;
      },
    });
    const { version, revision } = written;
    const override =
      revision === undefined
        ? undefined
        : { flags, version, revision, updatedAt: changedAt, updatedBy: meta.changedBy };
    return { ...written, changeId, override };
  }

  #decide(
    tenant: TenantRef,
    current: LockedTenant,
    patch: Patch,
    ifVersion: number | undefined,
  ): OverrideDecision | undefined {
    checkVersion(tenant, current.own, ifVersion);
    const oldFlags = asFlags(current.own);
    const newFlags = applyPatch(current.own?.flags, patch);
    if (sameValue(oldFlags, newFlags)) return undefined;

    const changed: StoredOverride = { ...emptyOverride, ...current.own, flags: newFlags };
    const before = this.#resolver.resolve(layersOf(tenant, current, current.own));
    const after = this.#resolver.resolve(layersOf(tenant, current, changed));
    refuseBroken(before, after, patch);
    this.#refuseBrokenCustomers(tenant, current, changed);

    const { definition } = this.#parts;
    const layer =
      tenant.kind === "customer" ? FlagSource.CUSTOMER_OVERRIDE : FlagSource.ORGANIZATION_OVERRIDE;
    const changes = logFlagChanges(before.config, after.config, {
      oldOverride: fitOverride(definition, layer, oldFlags).values,
      newOverride: fitOverride(definition, layer, newFlags).values,
      shape: definition.defaults,
    });
    return changes.length === 0 ? undefined : { flags: newFlags, changes };
  }

  /** Under cascade a customer sees its organization's values too: the change must not break a rule for any. */
  #refuseBrokenCustomers(tenant: TenantRef, current: LockedTenant, organization: StoredOverride): void {
    if (tenant.kind !== "organization") return;
    const broken: string[] = [];
    let first: FlagError | undefined;
    for (const [id, customer] of current.customers) {
      const before = this.#resolver.resolve({ customer, organization: current.own });
      const after = this.#resolver.resolve({ customer, organization });
      const violation = newViolation(before, after);
      if (violation === undefined) continue;
      broken.push(id);
      first ??= new FlagError("RULE_VIOLATED", violation.message, { path: violation.path });
    }
    if (first === undefined) return;
    const named = broken.slice(0, 10);
    const more = broken.length > named.length ? ` and ${broken.length - named.length} more` : "";
    throw new FlagError(
      "RULE_VIOLATED",
      `This would break a rule for ${broken.length} of its customers (${named.join(", ")}${more}): ${first.message}`,
      { path: first.path, details: { customers: named, count: broken.length } },
    );
  }
}

const emptyOverride: StoredOverride = {
  flags: {},
  version: 0,
  revision: 0,
  updatedAt: 0,
  updatedBy: undefined,
};

function asFlags(own: StoredOverride | undefined): FlagObject {
  return isFlagObject(own?.flags) ? own.flags : {};
}

function layersOf(
  tenant: TenantRef,
  current: LockedTenant,
  own: StoredOverride | undefined,
): TenantOverrides {
  return tenant.kind === "customer"
    ? { customer: own, organization: current.organization }
    : { organization: own };
}

function checkActor(meta: WriteMeta, audit: "required" | "best-effort"): void {
  if (audit !== "required") return;
  if (!meta.changedBy?.trim()) {
    throw new FlagError(
      "ACTOR_REQUIRED",
      "This system keeps a required audit: say who makes the change (changedBy).",
    );
  }
  if (!meta.reason?.trim()) {
    throw new FlagError("REASON_REQUIRED", "This system keeps a required audit: say why (reason).");
  }
}

function checkVersion(
  tenant: TenantRef,
  own: StoredOverride | undefined,
  expected: number | undefined,
): void {
  const actual = own?.version ?? 0;
  if (expected === undefined || expected === actual) return;
  throw new FlagError(
    "VERSION_CONFLICT",
    `The override of ${tenant.kind} "${tenant.id}" is at version ${actual}, not ${expected}. Read it again, then decide.`,
    { details: { expected, actual } },
  );
}

/** Refuses what the change itself breaks; a rule that was broken before does not stop repairs elsewhere. */
function refuseBroken<C extends object>(
  before: ResolvedFlags<C>,
  after: ResolvedFlags<C>,
  patch: Patch,
): void {
  const refused = after.mismatches.find((mismatch) =>
    [...patch.set.keys()].some((leaf) => leaf.path === mismatch.path),
  );
  if (refused !== undefined) {
    throw new FlagError("TYPE_MISMATCH", `"${refused.path}" is refused by the schema: ${refused.message}`, {
      path: refused.path,
    });
  }
  const violation = newViolation(before, after);
  if (violation !== undefined)
    throw new FlagError("RULE_VIOLATED", violation.message, { path: violation.path });
}

function newViolation<C extends object>(before: ResolvedFlags<C>, after: ResolvedFlags<C>) {
  return after.violations.find(
    (found) => !before.violations.some((old) => old.path === found.path && old.message === found.message),
  );
}
