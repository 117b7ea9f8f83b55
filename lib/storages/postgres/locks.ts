import { type RawBuilder, sql } from "kysely";
import type { TenantLock, WriteTransaction } from "../sql/engine.ts";

/** Advisory locks, held to the end of the transaction. Their keys hold the schema: another one is another storage. */
export interface Locks {
  tenant(trx: WriteTransaction, write: TenantLock): Promise<(organizationId: string | undefined) => boolean>;
  work(trx: WriteTransaction, name: string): Promise<void>;
}

/** How long a writer waits for another one, in PostgreSQL's words: then that one hangs, and waiting on is no use. */
const TENANT_TIMEOUT = "10s";
/** Registering many tenants and migrating take longer. */
const WORK_TIMEOUT = "60s";

export function createLocks(schema: string): Locks {
  const prefix = (kind: string) => `strata ${JSON.stringify([schema, kind])} `;
  const alone = (key: RawBuilder<string>) => sql`pg_advisory_xact_lock(hashtextextended(${key}, 0))`;
  const together = (key: RawBuilder<string>) =>
    sql`pg_advisory_xact_lock_shared(hashtextextended(${key}, 0))`;
  const named = (kind: string, id: string) => sql<string>`${prefix(kind) + id}`;
  // First in the list of a select, it already holds for the locks that follow it there.
  const within = (timeout: string) => sql`set_config('lock_timeout', ${timeout}, true)`;

  return Object.freeze<Locks>({
    async tenant(trx, { tenant, organizationId }) {
      if (tenant.kind === "organization") {
        await sql`select ${within(TENANT_TIMEOUT)}, ${alone(named("organization", tenant.id))}`.execute(trx);
        return () => true;
      }
      // The customer's lock, then its organization's, by every writer alike. Without an organization the second
      // one has NULL for a key, which takes none.
      const registered = trx.selectFrom("customers").select("organization_id").where("id", "=", tenant.id);
      const ofOrganization = sql<string>`cast(${prefix("organization")} as text) || organization_id`;
      const { rows } = await sql<{ organization_id: string | null }>`
        select organization_id, ${within(TENANT_TIMEOUT)}, ${alone(named("customer", tenant.id))}, ${together(ofOrganization)}
        from (select coalesce(${organizationId ?? null}, (${registered})) as organization_id) as o`.execute(
        trx,
      );
      const locked = rows[0]?.organization_id ?? undefined;
      return (found) => found === undefined || found === locked;
    },
    async work(trx, name) {
      await sql`select ${within(WORK_TIMEOUT)}, ${alone(named("work", name))}`.execute(trx);
    },
  });
}
