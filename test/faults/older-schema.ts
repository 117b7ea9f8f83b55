import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { takenBackTo } from "../storages/taken-back.ts";
import type { AcknowledgedWrite } from "./acknowledged-write.ts";
import { openStorage } from "./storage-address.ts";
import type { StoragePlace } from "./storage-place.ts";

/** Fills a new place and leaves it with the first schema there was. Resolves with what was written. */
export async function fillAsFirstVersion(place: StoragePlace): Promise<readonly AcknowledgedWrite[]> {
  const written = await fill(place);
  await place.run(takenBackTo("0001-initial", "url" in place.address ? "postgres" : "sqlite"));
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
