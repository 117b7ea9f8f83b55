import { sameValue } from "../../feature-flags/core/change-tracking.ts";
import type { ChangeFilter } from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent, TenantContext } from "../../feature-flags/core/types.ts";
import { type MemoryTables, organizationOf } from "./tables.ts";

export function listChanges(tables: MemoryTables, filter: ChangeFilter): FlagChangeEvent[] {
  return tables.changes
    .filter((event) => matches(event, filter))
    .reverse()
    .slice(0, filter.limit);
}

export function lastChanges(tables: MemoryTables, context: TenantContext): FlagChangeEvent[] {
  const organizationId = organizationOf(tables, context.customerId, context.organizationId);
  const newest = new Map<string, FlagChangeEvent>();
  for (const event of tables.changes) {
    if (event.featureName !== undefined || !isOneOf(event, context.customerId, organizationId)) continue;
    // A row may also tell of a value that changed below an override that stayed.
    if (!sameValue(event.oldOverride, event.newOverride)) newest.set(leafKey(event), event);
  }
  return [...newest.values()];
}

function matches(event: FlagChangeEvent, filter: ChangeFilter): boolean {
  return (
    (filter.customerId === undefined || event.customerId === filter.customerId) &&
    (filter.organizationId === undefined || event.organizationId === filter.organizationId) &&
    (filter.path === undefined || event.path === filter.path) &&
    (filter.changeId === undefined || event.changeId === filter.changeId) &&
    (filter.featureName === undefined || event.featureName === filter.featureName) &&
    (filter.before === undefined || isBefore(event, filter.before))
  );
}

function isBefore(event: FlagChangeEvent, place: { revision: number; position: number }): boolean {
  if (event.revision !== place.revision) return event.revision < place.revision;
  return event.position < place.position;
}

function isOneOf(
  event: FlagChangeEvent,
  customerId: string | undefined,
  organizationId: string | undefined,
): boolean {
  if (event.customerId !== undefined) return event.customerId === customerId;
  return organizationId !== undefined && event.organizationId === organizationId;
}

// The context holds one tenant of each kind, so the kind and the path name a leaf.
function leafKey(event: FlagChangeEvent): string {
  return `${event.customerId === undefined ? "organization" : "customer"} ${event.path}`;
}
