import { z } from "zod";
import { defineFlags, type FlagDefinition } from "../../../lib/feature-flags/index.ts";

/** Flags with a leaf of every kind, at several depths. */
export interface MutantFlags {
  limits: { seats: number; regions: string[] };
  beta: { search: boolean; sync: boolean; inner: { deep: boolean } };
  plan: string;
  note: string | null;
  labels: Record<string, string>;
}

const defaults: MutantFlags = {
  limits: { seats: 5, regions: ["eu"] },
  beta: { search: true, sync: false, inner: { deep: false } },
  plan: "free",
  note: null,
  labels: {},
};

const schema = z.object({
  limits: z.object({ seats: z.number(), regions: z.array(z.string()) }),
  beta: z.object({ search: z.boolean(), sync: z.boolean(), inner: z.object({ deep: z.boolean() }) }),
  plan: z.string(),
  note: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
});

/** One way of resolving, and what it takes at each leaf, judged without the library. */
export interface MutantVariant {
  readonly name: string;
  readonly definition: FlagDefinition<MutantFlags>;
  takes(path: LeafPath, value: unknown): boolean;
}

const LEAVES = {
  "limits.seats": (value: unknown) => typeof value === "number" && Number.isFinite(value),
  "limits.regions": (value: unknown) =>
    Array.isArray(value) && value.every((item) => typeof item === "string"),
  "beta.search": (value: unknown) => typeof value === "boolean",
  "beta.sync": (value: unknown) => typeof value === "boolean",
  "beta.inner.deep": (value: unknown) => typeof value === "boolean",
  plan: (value: unknown) => typeof value === "string",
  note: (value: unknown) => value === null || typeof value === "string",
  labels: (value: unknown) =>
    isObject(value) && Object.values(value).every((label) => typeof label === "string"),
} as const;

export type LeafPath = keyof typeof LEAVES;
export const LEAF_PATHS: readonly LeafPath[] = [
  "limits.seats",
  "limits.regions",
  "beta.search",
  "beta.sync",
  "beta.inner.deep",
  "plan",
  "note",
  "labels",
];

const rules = [{ path: "beta.sync", needs: ["beta.search"] }] as const;

// A default of null and an empty object say nothing about what they may hold: only a schema does.
const takesByDefault: MutantVariant["takes"] = (path, value) => {
  if (!isStorable(value)) return false;
  if (path === "note") return true;
  return path === "labels" ? isObject(value) : LEAVES[path](value);
};

export const VARIANTS: readonly MutantVariant[] = [
  {
    name: "first match",
    definition: defineFlags({ defaults, rules, resolution: "first-match" }),
    takes: takesByDefault,
  },
  { name: "cascade", definition: defineFlags({ defaults, rules }), takes: takesByDefault },
  {
    name: "cascade with a schema",
    definition: defineFlags<MutantFlags>({ defaults, rules, schema }),
    takes: (path, value) => isStorable(value) && LEAVES[path](value),
  },
];

/** Whether all of a stored override applies. */
export function isSound(variant: MutantVariant, stored: unknown): boolean {
  return isObject(stored) && isSoundBranch(variant, stored, "");
}

function isSoundBranch(
  variant: MutantVariant,
  branch: Readonly<Record<string, unknown>>,
  above: string,
): boolean {
  return Object.entries(branch).every(([key, value]) => {
    if (key.includes(".")) return false;
    const path = above + key;
    const leaf = LEAF_PATHS.find((name) => name === path);
    if (leaf !== undefined) return variant.takes(leaf, value);
    if (!LEAF_PATHS.some((name) => name.startsWith(`${path}.`))) return false;
    return isObject(value) && isSoundBranch(variant, value, `${path}.`);
  });
}

/** The leaves of a served config that hold what they must not. */
export function unsoundLeaves(variant: MutantVariant, config: unknown): readonly LeafPath[] {
  return LEAF_PATHS.filter((path) => {
    const value = path
      .split(".")
      .reduce<unknown>((branch, key) => (isObject(branch) ? branch[key] : undefined), config);
    return value === undefined || !variant.takes(path, value);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const LONGEST_STRING = 64 * 1024;
const DEEPEST = 32;

/** What both databases can hold and every walk can walk. */
function isStorable(value: unknown, depth = 1): boolean {
  if (depth > DEEPEST) return false;
  if (typeof value === "string") return value.length <= LONGEST_STRING && isPlainText(value);
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1));
  if (!isObject(value)) return true;
  return Object.entries(value).every(
    ([key, item]) =>
      !["__proto__", "constructor", "prototype"].includes(key) &&
      isPlainText(key) &&
      isStorable(item, depth + 1),
  );
}

function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\u0000");
}
