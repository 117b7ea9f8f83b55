import { FlagError, type FlagErrorCode, isFlagError } from "../feature-flags/core/errors.ts";

const FULL_DISK: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const NOT_WRITABLE: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EROFS"]);

/** What went wrong while `path` was written, as an error that says what to do. */
export function asSnapshotError(error: unknown, path: string): FlagError {
  if (isFlagError(error)) return error;
  const { code, advice } = verdict(error);
  const what = error instanceof Error ? error.message : String(error);
  return new FlagError(
    code,
    `The snapshot ${path} could not be written: ${what}. The one before is kept. ${advice}`,
    { cause: error },
  );
}

function verdict(error: unknown): { readonly code: FlagErrorCode; readonly advice: string } {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (FULL_DISK.has(code)) return { code: "STORAGE_FULL", advice: "Free some space on its disk." };
  if (NOT_WRITABLE.has(code)) return { code: "READ_ONLY", advice: "Make its directory writable." };
  return { code: "STORAGE_UNAVAILABLE", advice: "Name a file in a directory that can hold it." };
}
