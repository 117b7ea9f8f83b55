import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import type { StorageHarness } from "../../../lib/testing/index.ts";
import { queryFaults } from "./query-faults.ts";

/** A file of its own for each storage, in a directory that is removed. */
export function sqliteHarness(
  name = "sqlite",
  wrap: (storage: FlagStorage) => FlagStorage = (storage) => storage,
): Required<Omit<StorageHarness, "without">> {
  const { onQuery, queries, failOnQuery } = queryFaults();
  const opened: FlagStorage[] = [];
  const directories: string[] = [];
  let file = "";

  async function openFile(): Promise<FlagStorage> {
    const storage = await sqliteStorage({ file, onQuery });
    opened.push(storage);
    return wrap(storage);
  }

  function pastTheStorage(sql: string): void {
    const database = new DatabaseSync(file);
    try {
      database.exec(sql);
    } finally {
      database.close();
    }
  }

  return {
    name,
    subscribes: true,
    queries,
    failOnQuery,
    async open() {
      const directory = await mkdtemp(join(tmpdir(), "strata-contract-"));
      directories.push(directory);
      file = join(directory, "strata.db");
      return openFile();
    },
    reopen: openFile,
    another: openFile,
    async refuseAudit(refuse) {
      pastTheStorage(
        refuse
          ? `create trigger refuse_audit before insert on feature_flag_changes
             begin select raise(abort, 'the audit table takes no rows'); end`
          : "drop trigger refuse_audit",
      );
    },
    async rewriteAudit(how) {
      pastTheStorage(
        how === "update"
          ? "update feature_flag_changes set reason = 'rewritten'"
          : "delete from feature_flag_changes",
      );
    },
    async close() {
      await Promise.all(opened.splice(0).map((storage) => storage.close()));
      for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
    },
  };
}
