import type { FeedEvent, FlagStorage, TenantOverride } from "../../lib/feature-flags/core/storage.ts";
import type { FlagChangeEvent, FlagValue } from "../../lib/feature-flags/index.ts";
import type { AcknowledgedWrite } from "./acknowledged-write.ts";

/** All that a storage holds about what was written to it. */
export interface WrittenHistory {
  readonly revision: number;
  readonly events: readonly FeedEvent[];
  /** Oldest first. */
  readonly changes: readonly FlagChangeEvent[];
  readonly overrides: readonly TenantOverride[];
}

const PAGE = 1_000;

export async function readHistory(storage: FlagStorage): Promise<WrittenHistory> {
  const { revision } = await storage.readState();
  const events: FeedEvent[] = [];
  for (let last = 0; last < revision; last = events.at(-1)?.revision ?? revision) {
    const page = await storage.changesSince(last, PAGE);
    if (page.events.length === 0) break;
    events.push(...page.events);
  }
  const changes: FlagChangeEvent[] = [];
  for (;;) {
    const before = changes.at(-1);
    const page = await storage.listChanges({ ...(before === undefined ? {} : { before }), limit: PAGE });
    changes.push(...page);
    if (page.length < PAGE) break;
  }
  const { overrides } = await storage.listOverrides({ limit: PAGE });
  return { revision, events, changes: changes.toReversed(), overrides };
}

/** The acknowledged writes of which anything is missing: the row, its version, a line of the audit, its revision. */
export function lostWrites(
  history: WrittenHistory,
  acknowledged: readonly AcknowledgedWrite[],
): readonly AcknowledgedWrite[] {
  const events = new Map(history.events.map((event) => [event.revision, event]));
  const audit = Map.groupBy(history.changes, (change) => change.revision);
  const overrides = new Map(history.overrides.map((override) => [keyOf(override.tenant), override]));
  return acknowledged.filter((write) => {
    const { tenant, revision, version } = write;
    const event = events.get(revision);
    const override = overrides.get(keyOf(tenant));
    const isThere =
      event?.scope === tenant.kind &&
      event.id === tenant.id &&
      override !== undefined &&
      override.version >= version &&
      override.revision >= revision &&
      JSON.stringify(auditOf(write)) === JSON.stringify((audit.get(revision) ?? []).map(rowOf));
    return !isThere;
  });
}

/** What does not fit together, whoever was told of it: gaps, audit and rows that tell different stories. */
export function contradictions({ revision, events, changes, overrides }: WrittenHistory): readonly string[] {
  const found: string[] = [];
  if (events.length !== revision) found.push(`${events.length} feed entries at revision ${revision}`);
  for (const [index, event] of events.entries()) {
    if (event.revision !== index + 1) found.push(`feed entry ${index + 1} is of revision ${event.revision}`);
  }
  const audit = Map.groupBy(changes, (change) => change.revision);
  const told = new Map<string, Told>();
  for (const { revision: at, scope, id } of events) {
    const rows = audit.get(at) ?? [];
    if (rows.length === 0) found.push(`revision ${at} has no audit rows`);
    if (rows.some((row, index) => row.position !== index)) found.push(`revision ${at} has gaps in its audit`);
    if (new Set(rows.map((row) => row.changeId)).size > 1) found.push(`revision ${at} mixes changes`);
    if (rows.some((row) => (scope === "customer" ? row.customerId : row.organizationId) !== id)) {
      found.push(`revision ${at} is audited for another tenant than the feed says`);
    }
    if (audit.delete(at)) tell(told, `${scope} ${id}`, at, rows);
  }
  for (const orphan of audit.keys()) found.push(`audit rows of revision ${orphan} have no feed entry`);
  for (const override of overrides) {
    const story = told.get(keyOf(override.tenant));
    told.delete(keyOf(override.tenant));
    const stored = JSON.stringify([override.version, override.revision, sorted(leaves(override.flags))]);
    const audited = JSON.stringify([story?.version, story?.revision, sorted(story?.leaves ?? new Map())]);
    if (stored !== audited)
      found.push(`${keyOf(override.tenant)} holds ${stored}, its audit says ${audited}`);
  }
  for (const missing of told.keys()) found.push(`${missing} has an audit and no override`);
  return found;
}

interface Told {
  version: number;
  revision: number;
  readonly leaves: Map<string, FlagValue>;
}

function tell(told: Map<string, Told>, tenant: string, at: number, rows: readonly FlagChangeEvent[]): void {
  const story = told.get(tenant) ?? { version: 0, revision: 0, leaves: new Map() };
  story.version += 1;
  story.revision = at;
  for (const { path, newOverride } of rows) {
    if (newOverride === undefined) story.leaves.delete(path);
    else story.leaves.set(path, newOverride);
  }
  told.set(tenant, story);
}

function keyOf({ kind, id }: AcknowledgedWrite["tenant"]): string {
  return `${kind} ${id}`;
}

function auditOf({ tenant, changeId, changes }: AcknowledgedWrite) {
  return changes.map(({ path, newOverride }) => [
    tenant.kind,
    tenant.id,
    changeId,
    path,
    newOverride ?? null,
  ]);
}

function rowOf({ customerId, organizationId, changeId, path, newOverride }: FlagChangeEvent) {
  const tenant = customerId === undefined ? ["organization", organizationId] : ["customer", customerId];
  return [...tenant, changeId, path, newOverride ?? null];
}

function sorted(of: ReadonlyMap<string, FlagValue>): readonly (readonly [string, FlagValue])[] {
  return [...of].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The leaves of flags without arrays, by their paths. */
function leaves(flags: unknown, above = ""): Map<string, FlagValue> {
  const found = new Map<string, FlagValue>();
  if (typeof flags !== "object" || flags === null) return found;
  for (const [key, value] of Object.entries(flags)) {
    const path = above === "" ? key : `${above}.${key}`;
    if (typeof value !== "object" || value === null) found.set(path, value);
    else for (const [below, leaf] of leaves(value, path)) found.set(below, leaf);
  }
  return found;
}
