import { FlagError } from "../feature-flags/core/errors.ts";

const CANONICAL = /^\/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)?$/;

/** Where rollouts are. The segment after it is a rollout's name. */
export const ADMIN_ROLLOUTS_PATH = "/api/admin/rollouts";
const NAME_AT = ADMIN_ROLLOUTS_PATH.split("/").length;

/**
 * Refuses a path that has a second spelling (`//`, `/./`, `%2F`, backslashes, a trailing slash): a proxy in front
 * and this server could read it differently, and so disagree on what it protects. A rollout's name alone may be
 * percent-encoded, as `encodeURIComponent` does it. Throws MALFORMED_REQUEST.
 */
export function requireCanonicalPath(path: string): void {
  const segments = path.split("/");
  const plain = rolloutNameIn(path) === undefined ? path : segments.with(NAME_AT, "name").join("/");
  if (CANONICAL.test(plain)) return;
  throw new FlagError(
    "MALFORMED_REQUEST",
    "Write the path plainly: without percent signs, empty or dotted segments, backslashes or a slash at its end.",
  );
}

/** The rollout's name in a path below theirs; undefined where there is none, or one in a spelling of its own. */
export function rolloutNameIn(path: string): string | undefined {
  const spelled = path.startsWith(`${ADMIN_ROLLOUTS_PATH}/`) ? path.split("/")[NAME_AT] : undefined;
  if (spelled === undefined || spelled === "" || spelled === "." || spelled === "..") return undefined;
  try {
    const name = decodeURIComponent(spelled);
    return encodeURIComponent(name) === spelled ? name : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The path of a request target or URL as it was sent, up to the query. */
export function pathOf(target: string): string {
  const withoutQuery = target.split(/[?#]/, 1)[0] ?? "";
  return withoutQuery.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
}
