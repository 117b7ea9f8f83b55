import { FlagError, type FlagErrorCode, isFlagError } from "../../feature-flags/core/errors.ts";

/** SQLSTATE classes in which the statement is refused and the connection is as good as before. */
const REFUSED_CLASSES: ReadonlySet<string> = new Set([
  "09", // triggered action exception
  "0A", // feature not supported
  "21", // cardinality violation
  "23", // integrity constraint violation
  "27", // triggered data change violation
  "38", // external routine exception
  "39", // external routine invocation exception
  "42", // syntax error or access rule violation: a missing table or right, too
  "44", // check option violation
  "55", // object not in prerequisite state
  "P0", // raised by a trigger
]);

/** SQLSTATE classes of a server that is away, full or shutting down, and not of the statement. */
const CONNECTION_CLASSES: ReadonlySet<string> = new Set(["08", "53", "57", "58"]);

const CODES: Readonly<Record<string, FlagErrorCode>> = {
  "53100": "STORAGE_FULL",
  "25006": "READ_ONLY",
  XX001: "STORAGE_CORRUPT",
  XX002: "STORAGE_CORRUPT",
  // Text that JSON and JavaScript allow and PostgreSQL cannot hold: NUL, and halves of surrogate pairs.
  "22021": "INVALID_PATCH",
  "22P02": "INVALID_PATCH",
  "22P05": "INVALID_PATCH",
};

const ADVICE: Partial<Record<FlagErrorCode, string>> = {
  STORAGE_FULL: "Free some space on its disk; reading goes on.",
  READ_ONLY: "Connect to the primary: this server takes no writes.",
  STORAGE_CORRUPT: "The database is damaged: restore it from a backup.",
  INVALID_PATCH: "Leave out characters that PostgreSQL cannot hold: NUL and unpaired surrogates.",
};

export function isRefusal(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && REFUSED_CLASSES.has(state.slice(0, 2)) && !isLockTimeout(error);
}

/** Gave up on a lock that a query or another migration holds; it will be free again. */
export function isLockTimeout(error: unknown): boolean {
  const state = sqlState(error);
  return state === "55P03" || state === "40P01";
}

/** Trying again cannot help until somebody changes the credentials or the rights. */
export function isWrongCredentials(error: unknown): boolean {
  return sqlState(error)?.startsWith("28") === true;
}

/** The server understood the statement and does not do it: no connection trouble, and no use in trying again soon. */
export function refusesStatement(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && !CONNECTION_CLASSES.has(state.slice(0, 2));
}

/** A row that carries the revision found none to carry. */
export function isWithoutRevision(error: unknown): boolean {
  return (
    sqlState(error) === "23502" && error instanceof Error && "column" in error && error.column === "revision"
  );
}

/** What the driver threw, as an error that says what to do. */
export function asPostgresError(error: unknown, name: string, doing: string): FlagError {
  if (isFlagError(error)) return error;
  const code = CODES[sqlState(error) ?? ""] ?? "STORAGE_UNAVAILABLE";
  const advice = ADVICE[code];
  return new FlagError(
    code,
    `PostgreSQL failed on ${name} while ${doing}: ${messageOf(error)}.${advice === undefined ? "" : ` ${advice}`}`,
    { cause: error },
  );
}

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

/** A refused connection to several addresses has its reasons inside, and no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
