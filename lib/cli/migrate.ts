import type { CliHost } from "./cli-host.ts";
import { dataLocation, migrateStorage, type StorageOptions } from "./open-storage.ts";

/** `strata migrate`: the schema brought up to date, and what that took. */
export async function migrate(options: StorageOptions, host: CliHost): Promise<number> {
  host.out.write(`Data: ${dataLocation(options, host)}\n`);
  const applied = await migrateStorage(options, host);
  host.out.write(
    applied.length === 0
      ? "The schema is up to date.\n"
      : `Migrated:\n${applied.map((name) => `  ${name}\n`).join("")}`,
  );
  return 0;
}
