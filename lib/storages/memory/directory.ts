import type {
  CustomerRecord,
  OrganizationRecord,
  TenantFilter,
  TenantRef,
} from "../../feature-flags/core/storage.ts";
import { frozenJson } from "./frozen-json.ts";
import type { IdTable } from "./id-table.ts";
import { currentRevision, type MemoryTables } from "./tables.ts";

export function registerOrganizations(tables: MemoryTables, records: readonly OrganizationRecord[]): void {
  register(tables, "organization", tables.organizations, records);
}

export function registerCustomers(tables: MemoryTables, records: readonly CustomerRecord[]): void {
  register(tables, "customer", tables.customers, records);
}

export function listOrganizations(
  tables: MemoryTables,
  filter: Omit<TenantFilter, "kind" | "organizationId">,
): OrganizationRecord[] {
  return list(tables.organizations, filter, () => true);
}

export function listCustomers(tables: MemoryTables, filter: Omit<TenantFilter, "kind">): CustomerRecord[] {
  const { organizationId } = filter;
  return list(
    tables.customers,
    filter,
    (record) => organizationId === undefined || record.organizationId === organizationId,
  );
}

function register<R extends OrganizationRecord>(
  tables: MemoryTables,
  kind: TenantRef["kind"],
  rows: IdTable<R>,
  records: readonly R[],
): void {
  // The last record of an id wins.
  const latest = [...new Map(frozenJson(records).map((record) => [record.id, record])).values()];
  const [first] = latest;
  if (first === undefined) return;
  for (const record of latest) rows.set(record.id, record);
  const revision = currentRevision(tables) + 1;
  const one = latest.length === 1;
  tables.feed.push(
    Object.freeze({ revision, scope: one ? kind : "everything", id: one ? first.id : undefined }),
  );
}

function list<R extends OrganizationRecord>(
  rows: IdTable<R>,
  filter: Omit<TenantFilter, "kind" | "organizationId">,
  belongs: (record: R) => boolean,
): R[] {
  const found: R[] = [];
  for (const [id, record] of rows.after(filter.after)) {
    if (found.length === filter.limit) break;
    if (belongs(record) && (filter.text === undefined || isFound(id, record.name, filter.text))) {
      found.push(record);
    }
  }
  return found;
}

function isFound(id: string, name: string | undefined, text: string): boolean {
  const wanted = text.toLowerCase();
  return id.toLowerCase().startsWith(wanted) || (name?.toLowerCase().includes(wanted) ?? false);
}

export function readCustomers(tables: MemoryTables, ids: readonly string[]): CustomerRecord[] {
  return [...new Set(ids)].flatMap((id) => tables.customers.get(id) ?? []);
}

export function countTenants(tables: MemoryTables): { organizations: number; customers: number } {
  return { organizations: tables.organizations.size, customers: tables.customers.size };
}
