import type { Clock, Log } from "../feature-flags/core/types.ts";
import { maskAdminKeys } from "../server/admin-key.ts";
import type { CliOutput } from "./cli-host.ts";
import { printable } from "./printable.ts";

/** The longest text of one fact, in UTF-16 units: an attacker's megabyte must not become a log's. */
const LONGEST = 8_192;
const DEEPEST = 6;
const MOST_ITEMS = 100;

/** A log of one JSON object per line, whatever is in the facts. */
export function jsonLog(output: CliOutput, clock: Pick<Clock, "now">): Log {
  const write = (level: string, facts: object, message: string): void => {
    const own = { time: new Date(clock.now()).toISOString(), level, message: text(message) };
    const line = JSON.stringify({ ...own, ...plainFields(facts, 0), ...own });
    // What JSON leaves as it is can still end a line or steer a terminal; JSON's own escapes are printable already.
    output.write(`${printable(maskAdminKeys(line))}\n`);
  };
  return Object.freeze({
    info: (facts: object, message: string) => write("info", facts, message),
    warn: (facts: object, message: string) => write("warn", facts, message),
    error: (facts: object, message: string) => write("error", facts, message),
  });
}

/** Any value as one JSON can take: errors with their cause, bounded in depth, width and length. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return text(value);
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") {
    return text(String(value));
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEEPEST) return "(deeper)";
  if (value instanceof Error) return plainError(value, depth);
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => plain(item, depth + 1));
  return plainFields(value, depth);
}

function plainFields(facts: object, depth: number): Record<string, unknown> {
  const fields = Object.entries(facts).slice(0, MOST_ITEMS);
  return Object.fromEntries(fields.map(([key, value]) => [text(key), plain(value, depth + 1)]));
}

function plainError(error: Error, depth: number): Record<string, unknown> {
  return {
    ...plainFields(error, depth),
    name: error.name,
    message: text(error.message),
    stack: error.stack === undefined ? undefined : text(error.stack),
    cause: error.cause === undefined ? undefined : plain(error.cause, depth + 1),
  };
}

function text(value: string): string {
  return value.length > LONGEST ? `${value.slice(0, LONGEST)}... (${value.length} characters)` : value;
}
