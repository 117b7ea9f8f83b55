import { detectChanges } from "../feature-flags/core/change-tracking.ts";
import { mergeOverrides } from "../feature-flags/core/merge.ts";
import { isFlagObject } from "../feature-flags/core/paths.ts";
import type {
  FlagStorage,
  OverrideDecision,
  OverrideWritten,
  TenantRef,
} from "../feature-flags/core/storage.ts";
import type { Clock, FlagObject } from "../feature-flags/core/types.ts";

/**
 * What `saveCustomerFlags` and `saveOrganizationFlags` of every storage do: merge `flags` into the override
 * already stored. No definition is asked, so what "the tenant saw" is what its own override said.
 */
export async function saveFlags(
  writeOverride: FlagStorage["writeOverride"],
  clock: Clock,
  tenant: TenantRef,
  flags: FlagObject,
  changedBy: string | undefined,
): Promise<OverrideWritten> {
  return writeOverride({
    tenant,
    changeId: crypto.randomUUID(),
    changedBy,
    changedAt: clock.now(),
    reason: undefined,
    audit: "best-effort",
    decide: ({ own }) => merged(isFlagObject(own?.flags) ? own.flags : {}, flags),
  });
}

function merged(stored: FlagObject, patch: FlagObject): OverrideDecision | undefined {
  const flags = mergeOverrides(stored, patch);
  const changes = detectChanges(stored, flags).map(({ path, oldValue, newValue }) => ({
    path,
    oldValue,
    newValue,
    oldOverride: oldValue,
    newOverride: newValue,
  }));
  return changes.length === 0 ? undefined : { flags, changes };
}
