import { environmentName, type Settings } from "../feature-flags/core/environment.ts";
import { FlagError } from "../feature-flags/core/errors.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "../server/index.ts";
import type { StorageOptions } from "./open-storage.ts";

/** What the command line says to `serve`. */
export interface ServeOptions extends StorageOptions {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly environment?: string | undefined;
}

/** Everything `serve` is set to: from the command line, else the process's environment, else the default. */
export interface ServeSettings {
  readonly host: string;
  readonly port: number;
  readonly environment: string;
  readonly audit: "required" | "best-effort";
  readonly adminKey: string | undefined;
  readonly limits: ServerLimits;
}

const SHORTEST_KEY = 16;

/** Throws MALFORMED_REQUEST, with the name of the setting, for a value that cannot be meant. */
export function serveSettings(options: ServeOptions, env: Settings): ServeSettings {
  return Object.freeze({
    host: options.host ?? (env["STRATA_HOST"] || "127.0.0.1"),
    port: wholeNumber("--port or STRATA_PORT", options.port ?? env["STRATA_PORT"], 4400, 0, 65_535),
    environment: options.environment ?? environmentName(env),
    audit: auditSetting(env["STRATA_AUDIT"]),
    adminKey: adminKey(env["STRATA_ADMIN_KEY"]),
    limits: {
      ...DEFAULT_LIMITS,
      bodyBytes: limit(env, "STRATA_MAX_BODY_BYTES", DEFAULT_LIMITS.bodyBytes, 16 * 1024 * 1024),
      depth: limit(env, "STRATA_MAX_JSON_DEPTH", DEFAULT_LIMITS.depth, 1_000),
      keys: limit(env, "STRATA_MAX_JSON_KEYS", DEFAULT_LIMITS.keys, 1_000_000),
      authFailuresPerMinute: limit(
        env,
        "STRATA_AUTH_FAILURES_PER_MINUTE",
        DEFAULT_LIMITS.authFailuresPerMinute,
        10_000,
      ),
    },
  });
}

function limit(env: Settings, name: string, standard: number, most: number): number {
  return wholeNumber(name, env[name], standard, 1, most);
}

function wholeNumber(
  name: string,
  text: string | undefined,
  standard: number,
  least: number,
  most: number,
): number {
  if (text === undefined || text === "") return standard;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw wrong(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
}

function auditSetting(text: string | undefined): ServeSettings["audit"] {
  if (text === undefined || text === "") return "best-effort";
  if (text === "best-effort" || text === "required") return text;
  throw wrong(`STRATA_AUDIT must be "best-effort" or "required", not ${JSON.stringify(text)}.`);
}

/** The key itself never appears in a message. */
function adminKey(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (text.length < SHORTEST_KEY) {
    throw wrong(`STRATA_ADMIN_KEY has ${text.length} characters. Give it at least ${SHORTEST_KEY}.`);
  }
  if (!/^[!-~]([ -~]*[!-~])?$/.test(text)) {
    throw wrong(
      "STRATA_ADMIN_KEY can hold only what an HTTP header can: printable ASCII, no space at either end.",
    );
  }
  return text;
}

function wrong(message: string): FlagError {
  return new FlagError("MALFORMED_REQUEST", message);
}
