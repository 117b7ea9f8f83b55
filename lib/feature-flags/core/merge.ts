import { FlagError } from "./errors.ts";
import { FORBIDDEN_KEYS, frozen, isBranch, isFlagObject, isPlainObject, MAX_DEPTH } from "./paths.ts";
import type { DeepPartial, DeepReadonly, FlagObject, FlagValue } from "./types.ts";

type Branch = Readonly<Record<string, unknown>>;

/**
 * `defaults` with every leaf that `overrides` sets. Objects merge key by key; arrays, null and everything else
 * replace; `undefined` means "not set". Nothing outside the shape of the defaults gets in. Pure: the result is
 * deeply frozen, the inputs are untouched, and branches without a change are the very objects of `defaults`.
 *
 * `shape` says which objects are branches; it is `defaults` unless these already hold another layer's values.
 *
 * @example
 * mergeFlags({ chat: { tabSync: false, retry: true } }, { chat: { tabSync: true } });
 * // { chat: { tabSync: true, retry: true } }
 */
export function mergeFlags<C extends object>(
  defaults: C,
  overrides: DeepPartial<C> | FlagObject,
  shape?: object,
): DeepReadonly<C>;
export function mergeFlags(defaults: object, overrides: object, shape: object = defaults): object {
  return mergeFrozen(frozen(defaults), overrides, shape);
}

/** `mergeFlags` for defaults that are known to be deeply frozen: it does not look whether they are. */
export function mergeFrozen(base: object, overrides: object, shape: object): object {
  if (!isPlainObject(base) || !isPlainObject(overrides) || !isPlainObject(shape)) return base;
  return mergeBranch(base, overrides, shape, 1);
}

function mergeBranch(base: Branch, overrides: Branch, shape: Branch, depth: number): Branch {
  if (depth > MAX_DEPTH) {
    throw new FlagError("PATCH_TOO_LARGE", `Flags nest deeper than ${MAX_DEPTH} levels. Flatten them.`);
  }
  let merged: Record<string, unknown> | undefined;
  for (const key in overrides) {
    if (!Object.hasOwn(overrides, key) || !Object.hasOwn(shape, key) || FORBIDDEN_KEYS.has(key)) continue;
    const before = base[key];
    const after = mergeValue(before, overrides[key], shape[key], depth);
    if (Object.is(before, after)) continue;
    merged ??= { ...base };
    merged[key] = after;
  }
  return merged === undefined ? base : Object.freeze(merged);
}

function mergeValue(base: unknown, override: unknown, shape: unknown, depth: number): unknown {
  if (override === undefined) return base;
  if (!isBranch(shape)) return frozen(override);
  return isPlainObject(base) && isPlainObject(override)
    ? mergeBranch(base, override, shape, depth + 1)
    : base;
}

/**
 * Two partial overrides as one, the second on top. Knows no definition, so every object is a branch.
 * Throws INVALID_PATCH for keys that could reach a prototype, PATCH_TOO_LARGE beyond 32 levels.
 */
export function mergeOverrides(stored: FlagObject, patch: FlagObject): FlagObject {
  if (!isFlagObject(patch)) {
    throw new FlagError("INVALID_PATCH", "The flags to set must be a plain object.");
  }
  return overlay(isFlagObject(stored) ? stored : {}, patch, 1);
}

function overlay(stored: FlagObject, patch: FlagObject, depth: number): FlagObject {
  if (depth > MAX_DEPTH) {
    throw new FlagError("PATCH_TOO_LARGE", `The patch nests deeper than ${MAX_DEPTH} levels. Flatten it.`);
  }
  const merged: Record<string, FlagValue> = { ...stored };
  for (const key of Object.keys(patch)) {
    if (FORBIDDEN_KEYS.has(key)) {
      throw new FlagError("INVALID_PATCH", `"${key}" cannot be a flag key. Rename it.`, { path: key });
    }
    const value = patch[key];
    if (value === undefined) continue;
    const below = Object.hasOwn(stored, key) ? stored[key] : undefined;
    merged[key] = isFlagObject(value) ? overlay(isFlagObject(below) ? below : {}, value, depth + 1) : value;
  }
  return merged;
}
