import { FlagError, isFlagError } from "../feature-flags/core/errors.ts";
import type { Log } from "../feature-flags/core/types.ts";
import { ERROR_STATUS, isServerFault, SERVER_FAULT } from "./error-status.ts";
import { jsonResponse } from "./json-response.ts";

/**
 * Any failure as an answer: `{ error: { code, message, path?, details?, requestId } }`. Faults of the server are
 * logged whole and answered without their message; what is no {@link FlagError} is INTERNAL.
 */
export function errorResponse(thrown: unknown, requestId: string, log: Log): Response {
  const error = isFlagError(thrown)
    ? thrown
    : new FlagError("INTERNAL", "Unexpected error.", { cause: thrown });
  const status = ERROR_STATUS[error.code];
  const fault = isServerFault(status);
  if (fault) log.error({ requestId, code: error.code, error: thrown }, "A request failed");
  return jsonResponse(
    {
      error: {
        code: error.code,
        message: fault ? SERVER_FAULT[status] : error.message,
        path: error.path,
        details: fault ? undefined : error.details,
        requestId,
      },
    },
    status,
    errorHeaders(error),
  );
}

function errorHeaders(error: FlagError): Record<string, string> {
  const { retryAfter, allow } = error.details ?? {};
  if (error.code === "UNAUTHENTICATED") return { "www-authenticate": 'Bearer realm="strata"' };
  if (error.code === "RATE_LIMITED" && typeof retryAfter === "number")
    return { "retry-after": String(retryAfter) };
  if (error.code === "METHOD_NOT_ALLOWED" && Array.isArray(allow)) return { allow: allow.join(", ") };
  return {};
}
