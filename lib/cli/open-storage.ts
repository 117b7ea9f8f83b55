import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { silentLog } from "../feature-flags/core/clock.ts";
import type { Settings } from "../feature-flags/core/environment.ts";
import { FlagError } from "../feature-flags/core/errors.ts";
import type { FlagStorage } from "../feature-flags/core/storage.ts";
import type { Log } from "../feature-flags/core/types.ts";
import {
  migrateProcessStorage,
  openProcessStorage,
  type ProcessStorage,
  processStorage,
} from "../storages/process-storage.ts";
import type { CliHost } from "./cli-host.ts";

/** Which data a command works on: what every command that touches storage can be told. */
export interface StorageOptions {
  readonly file?: string | undefined;
  readonly databaseUrl?: string | undefined;
}

/** The storage that the command line names, else the process's environment. Made where it is missing. */
export function openStorage(
  options: StorageOptions,
  host: CliHost,
  log: Log = silentLog,
): Promise<FlagStorage> {
  return openProcessStorage(storageSettings(options, host), { log });
}

/** As `openStorage`, for commands that only look: what is missing is not made, what is outdated stays so. */
export async function openExistingStorage(options: StorageOptions, host: CliHost): Promise<FlagStorage> {
  const settings = storageSettings(options, host);
  const chosen = processStorage(settings);
  if (chosen.kind === "sqlite" && !existsSync(chosen.file)) {
    throw new FlagError("NOT_FOUND", `There is no data at ${chosen.file}. Name the file with --file.`);
  }
  return openProcessStorage(settings, { migrate: false });
}

/** Brings the schema up to date. Resolves with the names of the migrations applied. */
export function migrateStorage(options: StorageOptions, host: CliHost): Promise<readonly string[]> {
  return migrateProcessStorage(storageSettings(options, host));
}

/** Where the data lies, for people: a file's absolute path, or a database's URL without its secrets. */
export function dataLocation(options: StorageOptions, host: CliHost): string {
  const chosen = processStorage(storageSettings(options, host));
  return chosen.kind === "sqlite" ? `${chosen.file} (SQLite)` : `${maskedUrl(chosen)} (PostgreSQL)`;
}

function storageSettings(options: StorageOptions, { env, cwd }: CliHost): Settings {
  const settings = withOptions(options, env);
  const chosen = processStorage(settings);
  return chosen.kind === "sqlite" ? { ...settings, STRATA_FILE: resolve(cwd, chosen.file) } : settings;
}

/** Naming a file says that no database is meant, whatever the environment names. */
function withOptions({ file, databaseUrl }: StorageOptions, env: Settings): Settings {
  if (databaseUrl !== undefined) return { ...env, STRATA_DATABASE_URL: databaseUrl };
  if (file === undefined) return env;
  return { ...env, STRATA_FILE: file, STRATA_DATABASE_URL: undefined, DATABASE_URL: undefined };
}

function maskedUrl({ url }: Extract<ProcessStorage, { kind: "postgres" }>): string {
  if (!URL.canParse(url)) return "a PostgreSQL URL that cannot be shown";
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "***";
  for (const name of shown.searchParams.keys()) {
    if (/pass|secret|token|key/i.test(name)) shown.searchParams.set(name, "***");
  }
  return shown.href;
}
