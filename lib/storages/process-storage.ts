import { FlagError } from "../feature-flags/core/errors.ts";
import type { FlagStorage } from "../feature-flags/core/storage.ts";

const POSTGRES_URL = /^postgres(ql)?:\/\//;
const DEFAULT_FILE = ".strata/strata.db";

/**
 * The storage that a process's environment names: PostgreSQL at STRATA_DATABASE_URL or DATABASE_URL where that is
 * a PostgreSQL URL, else the SQLite file STRATA_FILE, `.strata/strata.db` unless set.
 */
export async function openProcessStorage(env: Record<string, string | undefined>): Promise<FlagStorage> {
  const url = postgresUrl(env);
  if (url !== undefined) {
    const { postgresStorage } = await import("./postgres/index.ts");
    return postgresStorage({ url });
  }
  const { sqliteStorage } = await import("./sqlite/index.ts");
  return sqliteStorage({ file: env["STRATA_FILE"] || DEFAULT_FILE });
}

function postgresUrl(env: Record<string, string | undefined>): string | undefined {
  const own = env["STRATA_DATABASE_URL"] || undefined;
  if (own !== undefined && !POSTGRES_URL.test(own)) {
    throw new FlagError(
      "STORAGE_UNAVAILABLE",
      "STRATA_DATABASE_URL must begin with postgres://. For a SQLite file, set STRATA_FILE instead.",
    );
  }
  // DATABASE_URL is often the host application's, and may be of any kind.
  const shared = env["DATABASE_URL"] || undefined;
  return own ?? (shared !== undefined && POSTGRES_URL.test(shared) ? shared : undefined);
}
