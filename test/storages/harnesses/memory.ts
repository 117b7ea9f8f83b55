import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import type { ContractException, StorageHarness } from "../../../lib/testing/index.ts";

/** `wrap` puts something between the suite and the storage. */
export function memoryHarness(
  name = "memory",
  wrap: (storage: FlagStorage) => FlagStorage = (storage) => storage,
): StorageHarness {
  const opened: FlagStorage[] = [];
  return {
    name,
    subscribes: true,
    async open() {
      const storage = memoryStorage();
      opened.push(storage);
      return wrap(storage);
    },
    async close() {
      await Promise.all(opened.splice(0).map((storage) => storage.close()));
    },
    without: [
      ...exceptions("memory ends with its process", [
        "closing and reopening keeps everything",
        "versions and revisions go on where they were, in the same epoch",
        "kept rows wait through a restart",
        "rollouts, their counts and leases outlast a restart",
      ]),
      ...exceptions("memory's data has one storage", [
        "what one writes, the other reads and finds in the feed",
        "writers of both on one row at once lose nothing",
        "a rule across layers holds between writers of both",
        "of first admin keys added through both, exactly one is",
        "rows kept aside and retried through both are written once",
        "closing one leaves the other open",
        "what one storage reports, another lists, and may take away",
        "of reports made at once through both, the last one stays",
        "writers of rollouts through both write one after the other",
        "batches recorded through both at once count each event once",
        "of those that ask for a lease through both at once, one gets it",
      ]),
      ...exceptions("memory asks no database, so there are no queries to count or to fail", [
        "a report and a listing take one query each",
        "a report that fails at any query leaves the last one",
        "an evaluation reads all it needs with one query",
        "many overrides take one query per kind of tenant at most",
        "the last changes take one query",
        "the registered among some customers take one query",
        "a write that fails at any query leaves everything as it was, and the next one works",
        "a best-effort write that fails at any query is whole, or was never made",
        "a registration that fails at any query registers nobody",
        "a first admin key that fails at any query is not stored",
        "kept audit rows survive a retry that fails at any query",
        "a failed read is an error with a code and never an answer",
        "all rollouts are read with one query",
        "a window is counted with one query, whatever its ends",
        "five thousand events are recorded with as many queries as one",
        "a rollout's write that fails at any query leaves everything as it was, and the next one works",
        "a batch of events whose recording fails at any query is not recorded at all",
        "forgetting that fails at any query lets no event count twice, and the next time it is done",
        "a lease whose taking fails at any query is not taken",
      ]),
      ...exceptions("memory's audit trail is a list: it refuses no row, and only the storage reaches it", [
        "a best-effort change commits when its audit rows are refused, and they are kept",
        "kept rows are written as they would have been, once the table takes them",
        "where the audit is required, a refused row undoes the whole change",
        "while the audit is refused, an unchanged decision and reading go on as ever",
        "the database itself refuses to change or delete audit rows",
        "a rollout whose audit row is refused does not change, whatever is asked of the audit",
        "the database refuses to change or delete a rollout's audit rows, too",
      ]),
    ],
  };
}

function exceptions(reason: string, cases: readonly string[]): ContractException[] {
  return cases.map((name) => ({ case: name, reason }));
}
