import type { InstanceRecord, InstanceReport } from "../../feature-flags/core/storage.ts";
import { compareCodePoints } from "./id-table.ts";
import type { MemoryTables } from "./tables.ts";

/**
 * A report that was overtaken on its way by a later one changes nothing; of two from the same moment the one that
 * has got further stays.
 */
export function reportInstance(tables: MemoryTables, report: InstanceReport): void {
  const known = tables.instances.get(report.id);
  if (known !== undefined && !supersedes(report, known)) return;
  const { id, pid, version, epoch, revision, seenAt } = report;
  tables.instances.set(id, Object.freeze({ id, host: undefined, pid, version, epoch, revision, seenAt }));
}

export function listInstances(tables: MemoryTables, seenSince: number): InstanceRecord[] {
  const seen = [...tables.instances.values()].filter((record) => record.seenAt >= seenSince);
  return seen.sort((left, right) => compareCodePoints(left.id, right.id));
}

export function removeInstances(tables: MemoryTables, id: string, seenBefore: number): void {
  for (const [known, record] of tables.instances) {
    if (known === id || record.seenAt < seenBefore) tables.instances.delete(known);
  }
}

function supersedes(report: InstanceReport, known: InstanceRecord): boolean {
  if (report.seenAt !== known.seenAt) return report.seenAt > known.seenAt;
  return report.epoch !== known.epoch || report.revision >= known.revision;
}
