import type { FlagDefinition } from "./definition.ts";
import { FlagError } from "./errors.ts";
import type { Leaf } from "./leaves.ts";
import {
  FORBIDDEN_KEYS,
  frozen,
  isBranch,
  isFlagObject,
  isPlainObject,
  MAX_DEPTH,
  withoutPath,
  withPath,
} from "./paths.ts";
import type { FlagObject, FlagValue } from "./types.ts";

/** The most one patch may take, as JSON. */
const MAX_PATCH_BYTES = 256 * 1024;

/** A checked change of one override: every leaf known, every value fitting. */
export interface Patch {
  readonly set: ReadonlyMap<Leaf, FlagValue>;
  readonly unset: readonly Leaf[];
}

/** What a caller wants changed: flags to set (nested, or by dotted path), leaves or branches to inherit again. */
export interface PatchInput {
  readonly set?: object | undefined;
  readonly unset?: readonly string[] | undefined;
}

/** Checks a change against the definition. Throws INVALID_PATCH, UNKNOWN_PATH, TYPE_MISMATCH, PATCH_TOO_LARGE. */
export function parsePatch<C extends object>(definition: FlagDefinition<C>, input: PatchInput): Patch {
  if (!isPlainObject(input)) {
    throw new FlagError("INVALID_PATCH", "A change must be an object with `set`, `unset` or both.");
  }
  const set = new Map<Leaf, FlagValue>();
  if (input.set !== undefined) collect(definition, input.set, definition.defaults, [], set);
  checkSize(set);
  const unset = [...new Set(pathsOf(input.unset).flatMap((path) => definition.leavesUnder(path)))];
  const both = unset.find((leaf) => set.has(leaf));
  if (both !== undefined) {
    throw new FlagError("INVALID_PATCH", `"${both.path}" is both set and unset. Decide for one.`, {
      path: both.path,
    });
  }
  return { set, unset };
}

function pathsOf(unset: unknown): readonly string[] {
  if (unset === undefined) return [];
  if (Array.isArray(unset) && unset.every((path) => typeof path === "string")) return unset;
  throw new FlagError("INVALID_PATCH", "The paths to unset must be a list of strings.");
}

function collect<C extends object>(
  definition: FlagDefinition<C>,
  patch: unknown,
  shape: unknown,
  above: readonly string[],
  into: Map<Leaf, FlagValue>,
): void {
  if (!isPlainObject(patch)) {
    const path = above.join(".");
    const message =
      path === "" ? "The flags to set must be a plain object." : `"${path}" has flags below it. Set those.`;
    throw new FlagError(path === "" ? "INVALID_PATCH" : "TYPE_MISMATCH", message, { path });
  }
  if (above.length >= MAX_DEPTH) {
    throw new FlagError("PATCH_TOO_LARGE", `The patch nests deeper than ${MAX_DEPTH} levels. Flatten it.`);
  }
  for (const key of Object.keys(patch)) {
    const path = [...above, key];
    if (FORBIDDEN_KEYS.has(key)) {
      throw new FlagError("INVALID_PATCH", `"${key}" cannot be a flag key.`, { path: path.join(".") });
    }
    const value = patch[key];
    if (value === undefined) continue;
    const below = isPlainObject(shape) && Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (isBranch(below)) collect(definition, value, below, path, into);
    else assign(definition, path.join("."), value, into);
  }
}

function assign<C extends object>(
  definition: FlagDefinition<C>,
  path: string,
  value: unknown,
  into: Map<Leaf, FlagValue>,
): void {
  const forbidden = path.split(".").find((segment) => FORBIDDEN_KEYS.has(segment));
  if (forbidden !== undefined) {
    throw new FlagError("INVALID_PATCH", `"${forbidden}" cannot be part of a path.`, { path });
  }
  const leaf = definition.leaf(path);
  const flaw = definition.flaw(leaf, value);
  if (flaw !== undefined) throw new FlagError("TYPE_MISMATCH", `"${path}" ${flaw}.`, { path });
  if (into.has(leaf)) throw new FlagError("INVALID_PATCH", `"${path}" is set twice.`, { path });
  // A copy: what was checked is what is written, and nobody can change it in between or later.
  into.set(leaf, frozen(value) as FlagValue);
}

function checkSize(set: ReadonlyMap<Leaf, FlagValue>): void {
  const text = JSON.stringify([...set].map(([leaf, value]) => [leaf.path, value]));
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_PATCH_BYTES) return;
  const message = `The patch takes ${bytes} bytes; at most ${MAX_PATCH_BYTES} are allowed. Split it.`;
  throw new FlagError("PATCH_TOO_LARGE", message);
}

/** A stored override with the patch applied. What was stored but is not an object is replaced. */
export function applyPatch(stored: unknown, patch: Patch): FlagObject {
  let override: FlagObject = isFlagObject(stored) ? stored : {};
  for (const [leaf, value] of patch.set) override = withPath(override, leaf.segments, value);
  for (const leaf of patch.unset) override = withoutPath(override, leaf.segments);
  return override;
}
