import { logFlagChanges, sameValue } from "./change-tracking.ts";
import type { StorageConnection } from "./connection.ts";
import type { FlagDefinition } from "./definition.ts";
import { FlagError } from "./errors.ts";
import {
  createResolver,
  type ResolvedFlags,
  type Resolver,
  type RolledOut,
  type TenantOverrides,
} from "./layers.ts";
import { valueFlaw } from "./leaves.ts";
import { applyPatch, type Patch, type PatchInput, parsePatch } from "./patch.ts";
import { isFlagObject, readPath } from "./paths.ts";
import type {
  LockedTenant,
  OverrideDecision,
  OverrideWrite,
  OverrideWritten,
  StoredOverride,
  TenantRef,
} from "./storage.ts";
import { checkedTenant, checkId } from "./tenant-id.ts";
import {
  type Clock,
  type FlagChange,
  type FlagObject,
  FlagSource,
  type RuleViolation,
  type TenantContext,
} from "./types.ts";
import { checkedMeta, type WriteMeta } from "./write-meta.ts";

export type { WriteMeta } from "./write-meta.ts";

export interface WriterParts<C extends object> {
  readonly definition: FlagDefinition<C>;
  readonly environment: string;
  readonly connection: StorageConnection;
  /** Part of what the tenant sees, and so of what rules are held to and the audit trail says. */
  readonly rollouts: {
    readonly revision: number;
    rolledOut(ids: TenantContext): RolledOut | undefined;
    reset(): Promise<void>;
  };
  readonly clock: Clock;
  readonly newId: () => string;
  readonly audit: "required" | "best-effort";
}

/** What storage did, and the override as it stands now. */
export interface Written extends OverrideWritten {
  readonly tenant: TenantRef;
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
  async update(asked: TenantRef, input: PatchInput, askedMeta: WriteMeta): Promise<Written> {
    const { definition, connection, rollouts, clock, newId, audit } = this.#parts;
    // Copies, all of them, made before the first await: what was checked is what is written.
    const tenant = checkedTenant(asked);
    const meta = checkedMeta(askedMeta, audit);
    if (meta.organizationId !== undefined) checkId("organization", meta.organizationId);
    const patch = parsePatch(definition, input);
    const changeId = newId();
    const changedAt = clock.now();
    let flags: FlagObject = {};
    let isOutdated = false;
    const write: OverrideWrite = {
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
        isOutdated = current.rollouts !== rollouts.revision;
        if (isOutdated) return undefined;
        const decision = this.#decide(tenant, current, patch, meta.ifVersion);
        if (decision !== undefined) flags = decision.flags;
        return decision;
      },
    };
    let written = await connection.write((storage) => storage.writeOverride(write));
    for (let attempt = 1; isOutdated && attempt < ATTEMPTS; attempt += 1) {
      await rollouts.reset();
      written = await connection.write((storage) => storage.writeOverride(write));
    }
    if (isOutdated) throw rolloutsKeepChanging();
    const { version, revision } = written;
    const override =
      revision === undefined
        ? undefined
        : { flags, version, revision, updatedAt: changedAt, updatedBy: meta.changedBy };
    return { ...written, tenant, changeId, override };
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
    const ids =
      tenant.kind === "customer"
        ? { customerId: tenant.id, organizationId: current.organizationId }
        : { organizationId: tenant.id };
    const rolledOut = this.#parts.rollouts.rolledOut(ids);
    const before = this.#resolver.resolve(layersOf(tenant, current, current.own), rolledOut);
    const after = this.#resolver.resolve(layersOf(tenant, current, changed), rolledOut);
    refuseMismatches(tenant, after, patch);
    const broken = newlyBroken(before, after);
    if (broken !== undefined) throw new FlagError("RULE_VIOLATED", broken.message, { path: broken.path });
    this.#refuseBrokenCustomers(tenant, current, changed);

    const changes = logFlagChanges(before.config, after.config, {
      oldOverride: oldFlags,
      newOverride: newFlags,
      shape: this.#parts.definition.defaults,
    });
    return { flags: newFlags, changes: changes.map(storable) };
  }

  /** Under cascade a customer sees its organization's values too: the change must not break a rule for any. */
  #refuseBrokenCustomers(tenant: TenantRef, current: LockedTenant, organization: StoredOverride): void {
    if (tenant.kind !== "organization") return;
    const broken: string[] = [];
    let first: RuleViolation | undefined;
    for (const [id, customer] of current.customers) {
      const rolledOut = this.#parts.rollouts.rolledOut({ customerId: id, organizationId: tenant.id });
      const before = this.#resolver.resolve({ customer, organization: current.own }, rolledOut);
      const after = this.#resolver.resolve({ customer, organization }, rolledOut);
      const violation = newlyBroken(before, after);
      if (violation === undefined) continue;
      broken.push(id);
      first ??= violation;
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

/** As often as rollouts may change while a write is on its way. */
const ATTEMPTS = 5;

function rolloutsKeepChanging(): FlagError {
  const message = "Nothing was written: rollouts kept changing at the same time. Try again.";
  return new FlagError("STORAGE_UNAVAILABLE", message);
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

/** Refuses values of the patch that do not fit. */
function refuseMismatches<C extends object>(tenant: TenantRef, after: ResolvedFlags<C>, patch: Patch): void {
  const layer = tenant.kind === "customer" ? FlagSource.CUSTOMER_OVERRIDE : FlagSource.ORGANIZATION_OVERRIDE;
  const refused = after.mismatches.find(
    (mismatch) =>
      mismatch.layer === layer && [...patch.set.keys()].some((leaf) => leaf.path === mismatch.path),
  );
  if (refused === undefined) return;
  throw new FlagError("TYPE_MISMATCH", `"${refused.path}" is refused by the schema: ${refused.message}`, {
    path: refused.path,
  });
}

/**
 * What the change itself breaks: a rule, or a value that applied until now and would be left out. What was broken
 * before does not stop repairs elsewhere.
 */
function newlyBroken<C extends object>(
  before: ResolvedFlags<C>,
  after: ResolvedFlags<C>,
): RuleViolation | undefined {
  const dropped = after.mismatches.find(
    ({ layer, path }) =>
      // A key with a dot in it reads like the path of a leaf that applies.
      !before.mismatches.some((old) => old.layer === layer && old.path === path) &&
      before.layers.some(
        (applied) => applied.source === layer && readPath(applied.values, path.split(".")) !== undefined,
      ),
  );
  if (dropped !== undefined) {
    return { path: dropped.path, message: `"${dropped.path}" would no longer fit: ${dropped.message}` };
  }
  return after.violations.find(
    (found) => !before.violations.some((old) => old.path === found.path && old.message === found.message),
  );
}

/** An override changed by hand may hold what the audit trail cannot: then the row tells of the change without it. */
function storable(change: FlagChange): FlagChange {
  const { oldOverride } = change;
  if (oldOverride === undefined || valueFlaw(oldOverride) === undefined) return change;
  return { ...change, oldOverride: undefined };
}
