/** Every way Strata refuses or fails. The list is closed: `lib/server/error-status.ts` maps each to HTTP. */
export const FLAG_ERROR_CODES = [
  "INVALID_ID",
  "INVALID_PATCH",
  "UNKNOWN_PATH",
  "TYPE_MISMATCH",
  "RULE_VIOLATED",
  "PATCH_TOO_LARGE",
  "VERSION_CONFLICT",
  "ROLLOUT_CONFLICT",
  "ROLLOUT_REFUSED",
  "ACTOR_REQUIRED",
  "REASON_REQUIRED",
  "DEFINITION_INVALID",
  "NOT_FOUND",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "RATE_LIMITED",
  "MALFORMED_REQUEST",
  "METHOD_NOT_ALLOWED",
  "UNSUPPORTED_MEDIA_TYPE",
  "READ_ONLY",
  "CLOSED",
  "STORAGE_UNAVAILABLE",
  "STORAGE_FULL",
  "STORAGE_CORRUPT",
  "STORAGE_FOREIGN",
  "SCHEMA_TOO_NEW",
  "SCHEMA_OUTDATED",
  "AUDIT_UNAVAILABLE",
  "NOT_PROPAGATED",
  "INTERNAL",
] as const;

export type FlagErrorCode = (typeof FLAG_ERROR_CODES)[number];

export interface FlagErrorOptions {
  /** The flag path the error is about, where there is one. */
  readonly path?: string | undefined;
  /** Facts a program can use: versions of a conflict, names of broken customers. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class. Recognise it by `code`, never by message; the message says what to do.
 *
 * @example
 * try { await manager.setCustomerFlags("cust_1", patch) }
 * catch (error) { if (isFlagError(error, "VERSION_CONFLICT")) return retry() ; throw error }
 */
export class FlagError extends Error {
  override readonly name = "FlagError";
  readonly code: FlagErrorCode;
  readonly path: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: FlagErrorCode, message: string, options: FlagErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.path = options.path;
    this.details = options.details;
  }
}

/** True for a {@link FlagError}, of the given code where one is named. Works across copies of the package. */
export function isFlagError(error: unknown, code?: FlagErrorCode): error is FlagError {
  return (
    error instanceof Error &&
    error.name === "FlagError" &&
    "code" in error &&
    (code === undefined || error.code === code)
  );
}

/** `error` itself if it already is a {@link FlagError}; else STORAGE_UNAVAILABLE with it as the cause. */
export function asStorageError(error: unknown, doing: string): FlagError {
  if (isFlagError(error)) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new FlagError("STORAGE_UNAVAILABLE", `Storage failed while ${doing}: ${what}`, { cause: error });
}
