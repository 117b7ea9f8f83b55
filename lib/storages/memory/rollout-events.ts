import type {
  RolloutCount,
  RolloutEvent,
  RolloutExpiry,
  RolloutWindow,
} from "../../feature-flags/core/storage.ts";
import { MINUTE, minuteOf, type TimeRange, windowParts } from "../minutes.ts";
import { compareCodePoints } from "./id-table.ts";
import type { MemoryTables } from "./tables.ts";

type Tally = Map<string, RolloutCount>;

export function recordRolloutEvents(tables: MemoryTables, events: readonly RolloutEvent[]): number {
  const { raw, counts, forgottenBefore } = tables.rolloutEvents;
  let added = 0;
  for (const { featureName, customerId, event, timestamp, tier } of events) {
    const known = memberOf(raw, featureName);
    const key = JSON.stringify([timestamp, customerId, event]);
    if (timestamp < forgottenBefore || known.has(key)) continue;
    known.set(key, Object.freeze({ featureName, customerId, event, timestamp, tier }));
    count(memberOf(counts, featureName), { minute: minuteOf(timestamp), tier, event, count: 1 });
    added += 1;
  }
  return added;
}

export function countRolloutEvents(tables: MemoryTables, window: RolloutWindow): RolloutCount[] {
  const { raw, counts } = tables.rolloutEvents;
  const { head, whole, tail } = windowParts(window);
  const tally: Tally = new Map();
  for (const row of counts.get(window.featureName)?.values() ?? []) {
    if (isWithin(row.minute, whole)) count(tally, row);
  }
  for (const { timestamp, tier, event } of raw.get(window.featureName)?.values() ?? []) {
    if (!isWithin(timestamp, head) && !isWithin(timestamp, tail)) continue;
    count(tally, { minute: minuteOf(timestamp), tier, event, count: 1 });
  }
  return [...tally.values()].sort(
    (one, other) =>
      one.minute - other.minute || one.tier - other.tier || compareCodePoints(one.event, other.event),
  );
}

export function expireRolloutEvents(tables: MemoryTables, limits: RolloutExpiry): boolean {
  const { rolloutEvents } = tables;
  const eventsBefore = minuteOf(limits.eventsBefore);
  const countsBefore = minuteOf(limits.countsBefore);
  for (const known of rolloutEvents.raw.values()) {
    for (const [key, { timestamp }] of known) {
      if (timestamp >= eventsBefore) continue;
      known.delete(key);
      rolloutEvents.forgottenBefore = Math.max(rolloutEvents.forgottenBefore, minuteOf(timestamp) + MINUTE);
    }
  }
  for (const counted of rolloutEvents.counts.values()) {
    for (const [key, { minute }] of counted) if (minute < countsBefore) counted.delete(key);
  }
  return false;
}

function count(tally: Tally, row: RolloutCount): void {
  const key = JSON.stringify([row.minute, row.tier, row.event]);
  tally.set(key, Object.freeze({ ...row, count: row.count + (tally.get(key)?.count ?? 0) }));
}

function isWithin(timestamp: number, { since, until }: TimeRange): boolean {
  return since <= timestamp && timestamp < until;
}

function memberOf<Row>(tables: Map<string, Map<string, Row>>, featureName: string): Map<string, Row> {
  const known = tables.get(featureName);
  if (known !== undefined) return known;
  const made = new Map<string, Row>();
  tables.set(featureName, made);
  return made;
}
