import type { CustomerRecord, OrganizationRecord, TenantFilter } from "../../feature-flags/core/storage.ts";
import { frozenJson } from "./frozen-json.ts";
import type { IdTable } from "./id-table.ts";
import { currentRevision, type MemoryTables } from "./tables.ts";

export function registerOrganizations(tables: MemoryTables, records: readonly OrganizationRecord[]): void {
  register(tables, tables.organizations, records);
}

export function registerCustomers(tables: MemoryTables, records: readonly CustomerRecord[]): void {
  register(tables, tables.customers, records);
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
  rows: IdTable<R>,
  records: readonly R[],
): void {
  if (records.length === 0) return;
  const copies = frozenJson(records);
  for (const copy of copies) rows.set(copy.id, copy);
  // Whom a bulk concerns is not worth telling apart: it may have moved anybody.
  tables.feed.push(
    Object.freeze({ revision: currentRevision(tables) + 1, scope: "everything", id: undefined }),
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

export function countTenants(tables: MemoryTables): { organizations: number; customers: number } {
  return { organizations: tables.organizations.size, customers: tables.customers.size };
}
