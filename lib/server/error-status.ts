import type { FlagErrorCode } from "../feature-flags/core/errors.ts";

export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 504 | 507;

/** The one table from code to HTTP status. A code without a line here does not compile. */
export const ERROR_STATUS: Readonly<Record<FlagErrorCode, ErrorStatus>> = Object.freeze({
  INVALID_ID: 400,
  INVALID_PATCH: 400,
  MALFORMED_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  VERSION_CONFLICT: 409,
  ROLLOUT_CONFLICT: 409,
  ROLLOUT_REFUSED: 409,
  READ_ONLY: 409,
  PATCH_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UNKNOWN_PATH: 422,
  TYPE_MISMATCH: 422,
  RULE_VIOLATED: 422,
  ACTOR_REQUIRED: 422,
  REASON_REQUIRED: 422,
  RATE_LIMITED: 429,
  DEFINITION_INVALID: 500,
  INTERNAL: 500,
  STORAGE_CORRUPT: 500,
  STORAGE_FOREIGN: 500,
  AUDIT_UNAVAILABLE: 503,
  CLOSED: 503,
  SCHEMA_OUTDATED: 503,
  SCHEMA_TOO_NEW: 503,
  STORAGE_UNAVAILABLE: 503,
  NOT_PROPAGATED: 504,
  STORAGE_FULL: 507,
});

/**
 * What a caller is told where the fault is the server's. The real message may name hosts, files and SQL: it goes to
 * the log, under the request id that the answer carries.
 */
export const SERVER_FAULT: Readonly<Record<500 | 503 | 504 | 507, string>> = Object.freeze({
  500: "The server failed. Its log has the cause under this request id.",
  503: "Storage cannot answer just now. Try again; the server's log has the cause under this request id.",
  504: "The change is committed, but not every instance had it in time. The server's log names those that lag.",
  507: "Storage is full, so nothing was changed. Free some space; the server's log has the details.",
});

export function isServerFault(status: ErrorStatus): status is 500 | 503 | 504 | 507 {
  return status >= 500;
}
