import { FlagError } from "./errors.ts";
import { FORBIDDEN_KEYS, isBranch, isPlainObject, MAX_DEPTH } from "./paths.ts";

export type LeafKind = "boolean" | "string" | "number" | "null" | "array" | "object";

/** One path of a definition that holds a value. */
export interface Leaf {
  readonly path: string;
  readonly segments: readonly string[];
  /** What its default is; "null" takes any value, for a default of null says nothing about the type. */
  readonly kind: LeafKind;
  /** For arrays whose defaults all are of one primitive kind: that kind. */
  readonly items: LeafKind | undefined;
}

/** The longest string a flag may hold, in UTF-16 units. */
const MAX_STRING = 64 * 1024;

/** Every leaf of the defaults by its path. Throws DEFINITION_INVALID for defaults that cannot be one. */
export function leavesOf(defaults: object): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  collect(defaults, [], leaves);
  return leaves;
}

function collect(branch: object, above: readonly string[], into: Map<string, Leaf>): void {
  if (above.length >= MAX_DEPTH) throw invalid(above.join("."), `nests deeper than ${MAX_DEPTH} levels`);
  for (const [key, value] of Object.entries(branch)) {
    const segments = [...above, key];
    const path = segments.join(".");
    if (key === "" || key.includes(".") || FORBIDDEN_KEYS.has(key) || unstorable(key)) {
      throw invalid(path, "has a key that cannot be part of a path (empty, with a dot, or reserved)");
    }
    if (isBranch(value)) {
      collect(value, segments, into);
      continue;
    }
    const flaw = valueFlaw(value);
    if (flaw !== undefined) throw invalid(path, flaw);
    Object.freeze(segments);
    into.set(path, Object.freeze({ path, segments, kind: kindOf(value), items: itemKind(value) }));
  }
}

function invalid(path: string, flaw: string): FlagError {
  return new FlagError("DEFINITION_INVALID", `The default at "${path}" ${flaw}. Change the definition.`, {
    path,
  });
}

/** What is wrong with `value` for this leaf, as the end of a sentence; undefined if it fits. */
export function leafFlaw(leaf: Leaf, value: unknown): string | undefined {
  const flaw = valueFlaw(value);
  if (flaw !== undefined) return flaw;
  if (leaf.kind === "null") return undefined;
  if (kindOf(value) !== leaf.kind) return `takes ${named(leaf.kind)}, not ${named(kindOf(value))}`;
  if (!Array.isArray(value) || leaf.items === undefined) return undefined;
  const odd = value.map(kindOf).find((kind) => kind !== leaf.items);
  return odd === undefined ? undefined : `takes an array of ${leaf.items}s, not one with ${named(odd)}`;
}

/** Why `value` is not something JSON and both databases can hold, as the end of a sentence. */
export function valueFlaw(value: unknown, depth = 1): string | undefined {
  if (depth > MAX_DEPTH) return `nests deeper than ${MAX_DEPTH} levels`;
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "takes finite numbers only";
  if (typeof value === "string") return stringFlaw(value);
  if (Array.isArray(value)) return firstFlaw(value, depth);
  if (!isPlainObject(value))
    return "takes JSON values only: boolean, string, number, null, array, plain object";
  const bad = Object.keys(value).find((key) => FORBIDDEN_KEYS.has(key) || unstorable(key));
  return bad === undefined
    ? firstFlaw(Object.values(value), depth)
    : `has a key that is refused: ${JSON.stringify(bad)}`;
}

function firstFlaw(values: readonly unknown[], depth: number): string | undefined {
  for (const value of values) {
    const flaw = valueFlaw(value, depth + 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function stringFlaw(value: string): string | undefined {
  if (value.length > MAX_STRING) return `takes strings of at most ${MAX_STRING} characters`;
  return unstorable(value) ? "takes well-formed text without NUL characters" : undefined;
}

/** PostgreSQL's jsonb refuses NUL and lone surrogates, and SQLite would change the latter in silence. */
function unstorable(text: string): boolean {
  return text.includes("\u0000") || !text.isWellFormed();
}

function kindOf(value: unknown): LeafKind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean" || typeof value === "string" || typeof value === "number")
    return typeof value as LeafKind;
  return "object";
}

function itemKind(value: unknown): LeafKind | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const [first, ...others] = value.map(kindOf);
  const primitive = first === "boolean" || first === "string" || first === "number";
  return primitive && others.every((kind) => kind === first) ? first : undefined;
}

function named(kind: LeafKind): string {
  if (kind === "null") return "null";
  return kind === "array" || kind === "object" ? `an ${kind}` : `a ${kind}`;
}
