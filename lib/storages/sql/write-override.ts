import { type OperationNodeSource, type RawBuilder, sql } from "kysely";
import type {
  LockedTenant,
  OverrideDecision,
  OverrideWrite,
  OverrideWritten,
} from "../../feature-flags/core/storage.ts";
import { overrideJson, requireActorAndReason } from "../write-rules.ts";
import { auditUnavailable, insertAuditRows, underSavepoint } from "./audit-rows.ts";
import type { SqlEngine, WriteTransaction } from "./engine.ts";
import { overridesOfCustomers } from "./overrides.ts";
import type { TenantReader } from "./read-tenant.ts";

interface NewOverride {
  readonly flags: string;
  readonly version: number;
}

/**
 * Lock, read, decide, and then everything that carries the new revision in one step, because every other writer
 * waits from there to the commit.
 */
export async function writeOverride(
  engine: SqlEngine,
  readTenant: TenantReader,
  write: OverrideWrite,
): Promise<OverrideWritten> {
  requireActorAndReason(write);
  const written = await engine.transaction(async (trx): Promise<OverrideWritten> => {
    const current = await lockedTenant(engine, trx, readTenant, write);
    const version = current.own?.version ?? 0;
    const decision = write.decide(current);
    if (decision === undefined) return { version, revision: undefined, changes: [], audit: "written" };
    return store(engine, trx, write, decision, { flags: overrideJson(decision.flags), version: version + 1 });
  });
  if (written.revision !== undefined) engine.committed();
  return written;
}

async function lockedTenant(
  engine: SqlEngine,
  trx: WriteTransaction,
  readTenant: TenantReader,
  write: OverrideWrite,
): Promise<LockedTenant> {
  const { tenant } = write;
  if (tenant.kind === "organization") {
    await engine.lockTenant(trx, write);
    const { organization: own, rollouts } = await readTenant(trx, { organizationId: tenant.id });
    const customers =
      write.withCustomers === true ? await overridesOfCustomers(trx, engine.words, tenant.id) : new Map();
    return { own, organizationId: undefined, organization: undefined, customers, rollouts };
  }
  const context = { customerId: tenant.id, organizationId: write.organizationId };
  let isLocked = await engine.lockTenant(trx, write);
  let record = await readTenant(trx, context);
  // The directory may have moved the customer while this waited for its lock.
  while (!isLocked(record.organizationId)) {
    isLocked = await engine.lockTenant(trx, { tenant, organizationId: record.organizationId });
    record = await readTenant(trx, context);
  }
  const { customer: own, organization, organizationId, rollouts } = record;
  return { own, organizationId, organization, customers: new Map(), rollouts };
}

async function store(
  engine: SqlEngine,
  trx: WriteTransaction,
  write: OverrideWrite,
  decision: OverrideDecision,
  override: NewOverride,
): Promise<OverrideWritten> {
  const changes = Object.freeze([...decision.changes]);
  const about = { scope: write.tenant.kind, id: write.tenant.id };
  const advance = (table: "feature_flag_changes" | "pending_flag_changes" | undefined) =>
    engine.advance(
      trx,
      (revision) => [
        overrideStep(engine, trx, write, override, revision),
        trx.insertInto("flag_revisions").values({ revision, place: 0, ...about }),
        ...(table === undefined || changes.length === 0
          ? []
          : [insertAuditRows(engine, trx, table, revision, write, changes)]),
      ],
      about,
    );

  const audited = await underSavepoint(engine, trx, () => advance("feature_flag_changes"));
  if ("value" in audited) {
    return { version: override.version, revision: audited.value, changes, audit: "written" };
  }
  const auditError = audited.refusal;
  if (write.audit === "best-effort") {
    const kept = await underSavepoint(engine, trx, () => advance("pending_flag_changes"));
    if ("value" in kept) {
      return { version: override.version, revision: kept.value, changes, audit: "kept", auditError };
    }
  }
  // The change without any audit rows tells whether they were refused or the change itself. It is never committed.
  const plain = await underSavepoint(engine, trx, () => advance(undefined));
  throw "refusal" in plain ? plain.refusal : auditUnavailable(auditError);
}

function overrideStep(
  engine: SqlEngine,
  trx: WriteTransaction,
  write: OverrideWrite,
  override: NewOverride,
  revision: RawBuilder<number>,
): OperationNodeSource {
  const { tenant } = write;
  const values = {
    flags: engine.words.json(override.flags),
    version: override.version,
    revision,
    updated_at: engine.words.time(write.changedAt),
    updated_by: write.changedBy ?? null,
  };
  const renewed = {
    flags: sql<string>`excluded.flags`,
    version: sql<number>`excluded.version`,
    revision: sql<number>`excluded.revision`,
    updated_at: sql<number>`excluded.updated_at`,
    updated_by: sql<string | null>`excluded.updated_by`,
  };
  return tenant.kind === "customer"
    ? trx
        .insertInto("customer_feature_flags")
        .values({ customer_id: tenant.id, ...values })
        .onConflict((conflict) => conflict.column("customer_id").doUpdateSet(renewed))
    : trx
        .insertInto("organization_feature_flags")
        .values({ organization_id: tenant.id, ...values })
        .onConflict((conflict) => conflict.column("organization_id").doUpdateSet(renewed));
}
