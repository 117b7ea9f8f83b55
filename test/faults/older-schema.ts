import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { MIGRATION_NAMES } from "../../lib/storages/sql/migrations/index.ts";
import type { AcknowledgedWrite } from "./acknowledged-write.ts";
import { openStorage } from "./storage-address.ts";
import type { StoragePlace } from "./storage-place.ts";

/** What takes each migration after the first back. A new migration needs an entry here. */
const TAKEN_BACK: Readonly<Record<string, string>> = {
  "0002-instances": "drop table flag_instances",
};

/** Fills a new place and leaves it with the first schema there was. Resolves with what was written. */
export async function fillAsFirstVersion(place: StoragePlace): Promise<readonly AcknowledgedWrite[]> {
  const written = await fill(place);
  for (const name of MIGRATION_NAMES.slice(1).toReversed()) {
    const statement = TAKEN_BACK[name];
    if (statement === undefined) throw new Error(`Say in ${import.meta.url} how to take ${name} back.`);
    await place.run(`${statement}; delete from strata_migrations where name = '${name}'`);
  }
  return written;
}

async function fill({ address }: StoragePlace): Promise<readonly AcknowledgedWrite[]> {
  const storage = await openStorage(address);
  const manager = new FeatureFlagManager({ storage, environment: "production" });
  const writes: AcknowledgedWrite[] = [];
  for (const [path, value] of [
    ["experimental.customThemes", true],
    ["experimental.aiEnhancements", true],
    ["experimental.customThemes", false],
  ] as const) {
    const tenant = { kind: "organization", id: "org_before" } as const;
    const {
      version,
      revision = 0,
      changeId = "",
    } = await manager.updateOverride(tenant, {
      set: { [path]: value },
    });
    writes.push({ tenant, version, revision, changeId, changes: [{ path, newOverride: value }] });
  }
  await manager.close();
  await storage.close();
  return writes;
}
