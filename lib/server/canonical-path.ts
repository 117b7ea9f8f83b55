import { FlagError } from "../feature-flags/core/errors.ts";

const CANONICAL = /^\/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)?$/;

/**
 * Refuses a path that has a second spelling (`//`, `/./`, `%2F`, backslashes, a trailing slash): a proxy in front
 * and this server could read it differently, and so disagree on what it protects. Throws MALFORMED_REQUEST.
 */
export function requireCanonicalPath(path: string): void {
  if (CANONICAL.test(path)) return;
  throw new FlagError(
    "MALFORMED_REQUEST",
    "Write the path plainly: without percent signs, empty or dotted segments, backslashes or a slash at its end.",
  );
}

/** The path of a request target or URL as it was sent, up to the query. */
export function pathOf(target: string): string {
  const withoutQuery = target.split(/[?#]/, 1)[0] ?? "";
  return withoutQuery.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
}
