import { FlagError } from "../feature-flags/core/errors.ts";
import { FORBIDDEN_KEYS } from "../feature-flags/core/paths.ts";

export interface JsonLimits {
  /** Levels of objects and arrays. */
  readonly depth: number;
  /** Keys of all objects together. */
  readonly keys: number;
  /** UTF-16 units of one key. */
  readonly keyLength: number;
  /** UTF-16 units of one string. */
  readonly stringLength: number;
}

const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

/**
 * Refuses, before anything is built from it, JSON that `JSON.parse` would take and that would do harm later:
 * nesting no recursive walk survives, duplicate keys (readers disagree on which one counts), keys that reach a
 * prototype, numbers that change when read, and text that a database cannot hold. It does not check the grammar:
 * `JSON.parse` runs after it. Throws MALFORMED_REQUEST.
 */
export function scanJson(text: string, limits: JsonLimits): void {
  const open: (Set<string> | "array")[] = [];
  let keys = 0;
  let keyComesNext = false;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"': {
        const end = endOfString(text, at);
        const value = decode(text.slice(at, end), at);
        const inside = open.at(-1);
        if (keyComesNext && inside instanceof Set) {
          keys += 1;
          if (keys > limits.keys) throw refused(`has more than ${limits.keys} keys`, at);
          checkKey(value, inside, at, limits.keyLength);
          inside.add(value);
        } else if (value.length > limits.stringLength) {
          throw refused(`holds a string of more than ${limits.stringLength} characters`, at);
        }
        at = end - 1;
        break;
      }
      case "{":
      case "[":
        open.push(text[at] === "{" ? new Set() : "array");
        if (open.length > limits.depth) throw refused(`nests deeper than ${limits.depth} levels`, at);
        keyComesNext = text[at] === "{";
        break;
      case "}":
      case "]":
        open.pop();
        keyComesNext = false;
        break;
      case ",":
        keyComesNext = open.at(-1) instanceof Set;
        break;
      case ":":
        keyComesNext = false;
        break;
      default:
        at = endOfNumber(text, at) - 1;
    }
  }
}

/** Just past the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at + 1;
  }
  throw refused("ends inside a string", start);
}

/** What a quoted string says. Checked on the decoded text, so that no escape hides anything. */
function decode(quoted: string, at: number): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  const value = parseString(quoted, at);
  if (!value.isWellFormed()) throw refused("holds half of a surrogate pair, which is no text", at);
  if (value.includes("\u0000")) throw refused("holds a NUL character, which PostgreSQL cannot store", at);
  return value;
}

function parseString(quoted: string, at: number): string {
  try {
    return String(JSON.parse(quoted));
  } catch (cause) {
    throw refused("has a string that is not valid JSON", at, cause);
  }
}

function checkKey(key: string, seen: ReadonlySet<string>, at: number, longest: number): void {
  if (FORBIDDEN_KEYS.has(key)) throw refused(`uses the reserved key "${key}"`, at);
  if (key.length > longest) throw refused(`has a key of more than ${longest} characters`, at);
  if (seen.has(key)) throw refused(`has the key ${JSON.stringify(key)} twice in one object`, at);
}

/** Just past the number that begins at `start`; past the one character there if none does. */
function endOfNumber(text: string, start: number): number {
  NUMBER.lastIndex = start;
  const match = NUMBER.exec(text);
  if (match === null) return start + 1;
  const [digits, fraction, exponent] = match;
  const value = Number(digits);
  if (!Number.isFinite(value)) throw refused("holds a number that is too large", start);
  const whole = fraction === undefined && exponent === undefined;
  if (whole && !Number.isSafeInteger(value) && String(value) !== digits) {
    throw refused("holds a whole number beyond 2^53, which would lose digits (send it as a string)", start);
  }
  return start + digits.length;
}

function refused(flaw: string, at: number, cause?: unknown): FlagError {
  return new FlagError("MALFORMED_REQUEST", `The JSON ${flaw} (at character ${at}).`, { cause });
}
