import { FlagError } from "./errors.ts";
import type { FlagObject, FlagValue } from "./types.ts";

/** The deepest a definition, an override or a value may nest. Every walk in the core stops here. */
export const MAX_DEPTH = 32;

/** Keys that could reach an object's prototype. Refused everywhere, as keys and as path segments. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A branch has paths below it; anything else, the empty object included, is a leaf and replaced whole. */
export function isBranch(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) return false;
  for (const key in value) if (Object.hasOwn(value, key)) return true;
  return false;
}

/** The value at the end of `segments`, own properties only; undefined where the way ends early. */
export function readPath(from: unknown, segments: readonly string[]): unknown {
  let value = from;
  for (const segment of segments) {
    if (!isPlainObject(value) || !Object.hasOwn(value, segment)) return undefined;
    value = value[segment];
  }
  return value;
}

/** A copy of `object` with `value` at the end of `segments`; untouched branches are shared. */
export function withPath(object: FlagObject, segments: readonly string[], value: FlagValue): FlagObject {
  const [head, ...rest] = segments;
  if (head === undefined) return object;
  if (rest.length === 0) return { ...object, [head]: value };
  const below = Object.hasOwn(object, head) ? object[head] : undefined;
  return { ...object, [head]: withPath(isFlagObject(below) ? below : {}, rest, value) };
}

/** A copy of `object` without what is at the end of `segments`, and without branches this empties. */
export function withoutPath(object: FlagObject, segments: readonly string[]): FlagObject {
  const [head, ...rest] = segments;
  if (head === undefined || !Object.hasOwn(object, head)) return object;
  const { [head]: below, ...others } = object;
  if (rest.length === 0) return others;
  if (!isFlagObject(below)) return object;
  const left = withoutPath(below, rest);
  return Object.keys(left).length === 0 ? others : { ...object, [head]: left };
}

export function isFlagObject(value: unknown): value is FlagObject {
  return isPlainObject(value);
}

/** The value itself if it is frozen all the way down, else a deeply frozen copy without forbidden keys. */
export function frozen<T>(value: T): T;
export function frozen(value: unknown): unknown {
  return freezeAt(value, 0);
}

function freezeAt(value: unknown, depth: number): unknown {
  if (isFrozenBelow(value, depth)) return value;
  if (depth > MAX_DEPTH) {
    throw new FlagError("PATCH_TOO_LARGE", `A value nests deeper than ${MAX_DEPTH} levels. Flatten it.`);
  }
  if (Array.isArray(value)) return Object.freeze(value.map((item) => freezeAt(item, depth + 1)));
  if (!isPlainObject(value)) return value;
  // A spread, not key by key: objects built by computed keys turn into slow dictionaries past a dozen of them.
  const copy: Record<string, unknown> = { ...value };
  for (const key of Object.keys(copy)) {
    if (FORBIDDEN_KEYS.has(key)) delete copy[key];
    else copy[key] = freezeAt(copy[key], depth + 1);
  }
  return Object.freeze(copy);
}

/** Looks all the way down, for somebody else may have frozen only the top. */
function isFrozenBelow(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth > MAX_DEPTH || !Object.isFrozen(value)) return false;
  if (Array.isArray(value)) return value.every((item) => isFrozenBelow(item, depth + 1));
  if (!isPlainObject(value)) return false;
  for (const key in value) {
    if (FORBIDDEN_KEYS.has(key) || !isFrozenBelow(value[key], depth + 1)) return false;
  }
  return true;
}
