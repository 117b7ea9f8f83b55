import { FlagError } from "../feature-flags/core/errors.ts";
import { MAX_OVERRIDE_BYTES, type OverrideWrite } from "../feature-flags/core/storage.ts";
import type { FlagObject } from "../feature-flags/core/types.ts";

/** Where the audit is required, every storage asks for both itself: no write path gets round it. */
export function requireActorAndReason(write: Pick<OverrideWrite, "audit" | "changedBy" | "reason">): void {
  if (write.audit !== "required") return;
  if (isBlank(write.changedBy)) {
    throw new FlagError("ACTOR_REQUIRED", "This change needs an actor: name who makes it in `changedBy`.");
  }
  if (isBlank(write.reason)) {
    throw new FlagError("REASON_REQUIRED", "This change needs a reason: say why it is made in `reason`.");
  }
}

/** The override as it is stored: see {@link storedJson}. */
export function overrideJson(flags: FlagObject): string {
  return storedJson("override", flags);
}

/** What is stored as one value. Throws INVALID_PATCH for what JSON cannot say, PATCH_TOO_LARGE beyond 1 MiB. */
export function storedJson(what: "override" | "rollout", value: FlagObject): string {
  const text = jsonOf(value);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_OVERRIDE_BYTES) return text;
  throw new FlagError(
    "PATCH_TOO_LARGE",
    `The ${what} would take ${bytes} bytes; at most ${MAX_OVERRIDE_BYTES} are stored. Keep large values elsewhere.`,
    { details: { bytes, limit: MAX_OVERRIDE_BYTES } },
  );
}

function jsonOf(value: FlagObject): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new FlagError("INVALID_PATCH", "This cannot be stored: JSON has no form for it.", {
      cause: error,
    });
  }
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === "";
}
