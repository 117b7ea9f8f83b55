import { FlagError } from "./errors.ts";

/** Who changes an override, why, and what they believe to be there. */
export interface WriteMeta {
  /** At most 255 characters. */
  readonly changedBy?: string | undefined;
  readonly onBehalfOf?: string | undefined;
  /** At most 2,000 characters. */
  readonly reason?: string | undefined;
  /** The version the override must have; 0 for none yet. Otherwise VERSION_CONFLICT. */
  readonly ifVersion?: number | undefined;
  /** A customer's organization, where the tenant directory does not know it. */
  readonly organizationId?: string | undefined;
}

const MAX_NAME = 255;
const MAX_REASON = 2_000;

/**
 * A copy of `meta`, checked: INVALID_PATCH for what no audit trail could hold, ACTOR_REQUIRED or REASON_REQUIRED
 * where the audit is required and one is missing.
 */
export function checkedMeta(meta: WriteMeta, audit: "required" | "best-effort"): WriteMeta {
  if (typeof meta !== "object" || meta === null) {
    throw new FlagError("INVALID_PATCH", "Say who makes the change with an object: { changedBy, reason }.");
  }
  const { changedBy, onBehalfOf, reason, ifVersion, organizationId } = meta;
  checkText("changedBy", changedBy, MAX_NAME);
  checkText("onBehalfOf", onBehalfOf, MAX_NAME);
  checkText("reason", reason, MAX_REASON);
  if (ifVersion !== undefined && !(Number.isSafeInteger(ifVersion) && ifVersion >= 0)) {
    throw new FlagError("INVALID_PATCH", "ifVersion must be a whole number from 0, the version last read.");
  }
  if (audit === "required") {
    const why = "This system keeps a required audit";
    if (!changedBy?.trim()) {
      throw new FlagError("ACTOR_REQUIRED", `${why}: say who makes the change (changedBy).`);
    }
    if (!reason?.trim()) throw new FlagError("REASON_REQUIRED", `${why}: say why (reason).`);
  }
  return { changedBy, onBehalfOf, reason, ifVersion, organizationId };
}

/** PostgreSQL has no NUL in its text, and a lone surrogate would come back as another character. */
function checkText(what: string, text: unknown, longest: number): void {
  if (text === undefined) return;
  if (typeof text !== "string") {
    throw new FlagError(
      "INVALID_PATCH",
      `${what} must be a string, not ${text === null ? "null" : typeof text}.`,
    );
  }
  if (text.length <= longest && text.isWellFormed() && !text.includes("\u0000")) return;
  const message = `${what} must be well-formed text of at most ${longest} characters, without NUL.`;
  throw new FlagError("INVALID_PATCH", message);
}
