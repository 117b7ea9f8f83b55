import { FlagError } from "../feature-flags/core/errors.ts";
import type { FlagStorage } from "../feature-flags/core/storage.ts";
import type { Log } from "../feature-flags/core/types.ts";

/** Settings by name, as `process.env` holds them. */
type Env = Readonly<Record<string, string | undefined>>;

/** Where a process's environment says that the data lies. */
export type ProcessStorage =
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "sqlite"; readonly file: string };

export interface OpenOptions {
  /** Whether to bring the schema up to date; otherwise an outdated one is refused. True unless given. */
  readonly migrate?: boolean;
  /** Told what no caller hears of: that changes cannot be listened for, and that they can again. */
  readonly log?: Log;
}

const POSTGRES_URL = /^postgres(ql)?:\/\//;
const DEFAULT_FILE = ".strata/strata.db";

/**
 * PostgreSQL at STRATA_DATABASE_URL or DATABASE_URL where that is a PostgreSQL URL, else the SQLite file
 * STRATA_FILE, `.strata/strata.db` unless set.
 */
export function processStorage(env: Env): ProcessStorage {
  const url = postgresUrl(env);
  return url === undefined
    ? { kind: "sqlite", file: env["STRATA_FILE"] || DEFAULT_FILE }
    : { kind: "postgres", url };
}

/**
 * Opens the storage that a process's environment names: see {@link processStorage}. Behind a pooler STRATA_FEED may be
 * "poll", STRATA_LISTEN_URL name the database itself, and STRATA_PREPARE be "false".
 */
export async function openProcessStorage(env: Env, options: OpenOptions = {}): Promise<FlagStorage> {
  const chosen = processStorage(env);
  if (chosen.kind === "postgres") {
    const { postgresStorage } = await import("./postgres/index.ts");
    return postgresStorage({ url: chosen.url, ...poolerSettings(env), ...options });
  }
  const { sqliteStorage } = await import("./sqlite/index.ts");
  return sqliteStorage({ file: chosen.file, ...options });
}

/** Brings its schema up to date. Resolves with the names of the migrations applied. */
export async function migrateProcessStorage(env: Env): Promise<readonly string[]> {
  const chosen = processStorage(env);
  if (chosen.kind === "postgres") {
    const { migratePostgres } = await import("./postgres/index.ts");
    return migratePostgres({ url: chosen.url });
  }
  const { migrateSqlite } = await import("./sqlite/index.ts");
  return migrateSqlite({ file: chosen.file });
}

/** What a pooler between the process and PostgreSQL asks for. */
function poolerSettings(env: Env) {
  const listenUrl = env["STRATA_LISTEN_URL"] || undefined;
  if (listenUrl !== undefined && !POSTGRES_URL.test(listenUrl)) {
    throw new FlagError("STORAGE_UNAVAILABLE", "STRATA_LISTEN_URL must begin with postgres://.");
  }
  return {
    feed: oneOf(env, "STRATA_FEED", ["auto", "poll"] as const),
    prepare: oneOf(env, "STRATA_PREPARE", ["true", "false"] as const) === "true",
    ...(listenUrl === undefined ? {} : { listen: { url: listenUrl } }),
  };
}

/** The first of them is the default. */
function oneOf<Word extends string>(env: Env, name: string, words: readonly [Word, ...Word[]]): Word {
  const given = env[name] || words[0];
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  const message = `${name} must be ${words.map((word) => `"${word}"`).join(" or ")}, not ${JSON.stringify(given)}.`;
  throw new FlagError("STORAGE_UNAVAILABLE", message);
}

function postgresUrl(env: Env): string | undefined {
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
