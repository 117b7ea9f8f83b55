import { FlagError } from "../feature-flags/core/errors.ts";
import { MAX_OVERRIDE_BYTES, type OverrideWrite } from "../feature-flags/core/storage.ts";
import type { FlagObject } from "../feature-flags/core/types.ts";

/** Where the audit is required, every storage asks for both itself: no write path gets round it. */
export function requireActorAndReason(write: OverrideWrite): void {
  if (write.audit !== "required") return;
  if (isBlank(write.changedBy)) {
    throw new FlagError("ACTOR_REQUIRED", "This change needs an actor: name who makes it in `changedBy`.");
  }
  if (isBlank(write.reason)) {
    throw new FlagError("REASON_REQUIRED", "This change needs a reason: say why it is made in `reason`.");
  }
}

/** The override as it is stored. Throws INVALID_PATCH for what JSON cannot say, PATCH_TOO_LARGE beyond 1 MiB. */
export function overrideJson(flags: FlagObject): string {
  const text = jsonOf(flags);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_OVERRIDE_BYTES) return text;
  throw new FlagError(
    "PATCH_TOO_LARGE",
    `The override would take ${bytes} bytes; at most ${MAX_OVERRIDE_BYTES} are stored. Keep large values elsewhere.`,
    { details: { bytes, limit: MAX_OVERRIDE_BYTES } },
  );
}

function jsonOf(flags: FlagObject): string {
  try {
    return JSON.stringify(flags);
  } catch (error) {
    throw new FlagError("INVALID_PATCH", "These flags cannot be stored: JSON has no form for them.", {
      cause: error,
    });
  }
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === "";
}
