import { FlagError, type FlagErrorCode, isFlagError } from "../../feature-flags/core/errors.ts";

// SQLite's primary result codes.
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
/** An extended code: the index of the write-ahead log found no space to grow. */
const SQLITE_IOERR_SHMSIZE = 4874;
/** The statement itself failed: its SQL, a constraint or trigger, its values, a schema or type that does not fit. */
const REFUSALS: ReadonlySet<number> = new Set([1, 17, 18, 19, 20, 25]);

const FULL_DISK: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);
const NOT_WRITABLE: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EROFS"]);

/** What a start is doing when it fails. */
export const OPENING = "opening it";

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

export function isRefusal(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== undefined && REFUSALS.has(code);
}

/** Whether SQLite could not open a file, or make one. It does not say why. */
export function isNotOpened(error: unknown): boolean {
  return primaryCode(error) === SQLITE_CANTOPEN;
}

/** What the driver or the file system threw, as an error that names the file and says what to do. */
export function asSqliteError(error: unknown, file: string, doing: string): FlagError {
  if (isFlagError(error)) return error;
  const { code, advice } = doing === OPENING ? atStart(verdict(error)) : verdict(error);
  const what = error instanceof Error ? error.message : String(error);
  return new FlagError(code, `SQLite failed on ${file} while ${doing}: ${what}. ${advice}`, { cause: error });
}

interface Verdict {
  readonly code: FlagErrorCode;
  readonly advice: string;
}

function verdict(error: unknown): Verdict {
  if (resultCode(error) === SQLITE_IOERR_SHMSIZE) return FULL;
  switch (primaryCode(error)) {
    case SQLITE_FULL:
      return FULL;
    case SQLITE_READONLY:
      return READ_ONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {
        code: "STORAGE_CORRUPT",
        advice: "The file is damaged: restore it from a backup. It is left as it is.",
      };
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return { code: "STORAGE_UNAVAILABLE", advice: "Another process holds the file: try again." };
    default:
      break;
  }
  const code = systemCode(error);
  if (FULL_DISK.has(code)) return FULL;
  if (NOT_WRITABLE.has(code)) return READ_ONLY;
  return { code: "STORAGE_UNAVAILABLE", advice: "Nothing was written." };
}

/** What is not open yet cannot be read either. */
function atStart(found: Verdict): Verdict {
  return found === FULL ? FULL_AT_START : found;
}

const FULL_AT_START = {
  code: "STORAGE_FULL",
  advice: "Free some space on its disk, then start again: nothing that was written is lost.",
} as const;
const FULL = {
  code: "STORAGE_FULL",
  advice: "Nothing was written. Free some space on its disk; reading goes on.",
} as const;
const READ_ONLY = {
  code: "READ_ONLY",
  advice: "Nothing was written. Make the file and its directory writable.",
} as const;

function primaryCode(error: unknown): number | undefined {
  const code = resultCode(error);
  return code === undefined ? undefined : code & 0xff;
}

function resultCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode
    : undefined;
}

function systemCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
