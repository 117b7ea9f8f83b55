import { checkDefinitionInput } from "./definition-input.ts";
import { FlagError } from "./errors.ts";
import { type Leaf, leafFlaw, leavesOf } from "./leaves.ts";
import { mergeFlags } from "./merge.ts";
import { frozen, isBranch, isPlainObject } from "./paths.ts";
import { compileRules, type FlagRule, type RuleCheck } from "./rules.ts";
import { type StandardSchema, schemaIssues } from "./schema.ts";
import { unknownPath } from "./suggestion.ts";
import type { BranchPath, DeepPartial, DeepReadonly, FlagPath, FlagValue, RuleViolation } from "./types.ts";

/** How tenant layers combine: only the highest that has an override, or all of them, lowest first. */
export type Resolution = "first-match" | "cascade";

/** What people are shown about a flag, and whether browsers may see it. */
export interface FlagDescription {
  readonly label: string;
  readonly text?: string | undefined;
  /** Whether a browser's key may read this flag. Default: no. */
  readonly browser?: boolean | undefined;
}

export interface DefinitionInput<C extends object> {
  /** Every flag with its value where no layer sets another. The types of all paths and values come from here. */
  readonly defaults: C;
  /** What differs per environment. An environment that is not listed has the defaults. */
  readonly environments?: Readonly<Record<string, DeepPartial<C>>> | undefined;
  readonly rules?: readonly FlagRule<C>[] | undefined;
  /** Default: "cascade". */
  readonly resolution?: Resolution | undefined;
  readonly describe?: { readonly [P in FlagPath<C>]?: FlagDescription | undefined } | undefined;
}

/** An environment's config and the part of it that the environment itself sets. */
export interface EnvironmentFlags<C extends object> {
  readonly name: string;
  readonly config: DeepReadonly<C>;
  readonly overlay: Readonly<Record<string, unknown>>;
}

/** A checked definition: what `defineFlags` returns and everything else is generic over. */
export interface FlagDefinition<C extends object> {
  readonly defaults: DeepReadonly<C>;
  readonly resolution: Resolution;
  readonly leaves: ReadonlyMap<string, Leaf>;
  /** Names of the environments that differ from the defaults. */
  readonly environments: readonly string[];
  readonly hasSchema: boolean;
  /** True if some merged config could be refused as a whole. */
  readonly hasRules: boolean;
  /** The config of an environment; the defaults' for a name that is not defined. */
  environment(name: string): EnvironmentFlags<C>;
  /** The leaf at `path`. Throws UNKNOWN_PATH with what may have been meant. */
  leaf(path: string): Leaf;
  /** The leaves at or below `path`. Throws UNKNOWN_PATH. */
  leavesUnder(path: FlagPath<C> | BranchPath<C> | (string & {})): readonly Leaf[];
  /** Why `value` cannot stand at `leaf`, as the end of a sentence; undefined if it can. */
  flaw(leaf: Leaf, value: unknown): string | undefined;
  /** What the schema has against a config. */
  schemaIssues(config: object): readonly RuleViolation[];
  /** The rules a config breaks. */
  violations(config: object): readonly RuleViolation[];
  describe(path: string): {
    readonly label: string;
    readonly text: string | undefined;
    readonly browser: boolean;
  };
}

/**
 * The flags of a product: defaults, environments, rules, descriptions. Types are inferred from `defaults` (or
 * from `schema`). Throws DEFINITION_INVALID, with the path, for anything inconsistent.
 *
 * @example
 * const flags = defineFlags({
 *   defaults: { limits: { maxSeats: 5 }, beta: { search: false } },
 *   environments: { staging: { beta: { search: true } } },
 * });
 */
export function defineFlags<C extends object>(
  input: DefinitionInput<C> & { readonly schema: StandardSchema<C> },
): FlagDefinition<C>;
export function defineFlags<C extends object>(
  input: DefinitionInput<C> & { readonly schema?: undefined },
): FlagDefinition<C>;
export function defineFlags<C extends object>(
  input: DefinitionInput<C> & { readonly schema?: StandardSchema<C> | undefined },
): FlagDefinition<C> {
  checkDefinitionInput(input);
  const { resolution = "cascade", schema } = input;
  const describe = frozen(input.describe);
  const leaves = leavesOf(input.defaults);
  const defaults = frozen(input.defaults) as DeepReadonly<C>;
  const checks = compileRules(input.rules ?? [], leaves);
  const flaw = (leaf: Leaf, value: unknown): string | undefined =>
    schema === undefined ? leafFlaw(leaf, value) : leafFlaw({ ...leaf, kind: "null" }, value);
  const environments = new Map<string, EnvironmentFlags<C>>();
  for (const [name, overlay] of Object.entries(input.environments ?? {})) {
    environments.set(name, environmentFlags(name, overlay, defaults, leaves, flaw));
  }
  for (const path of Object.keys(describe ?? {})) {
    if (!leaves.has(path)) throw invalid("`describe` names a path that is not defined", path, leaves);
  }

  const definition: FlagDefinition<C> = Object.freeze({
    defaults,
    resolution,
    leaves,
    environments: Object.freeze([...environments.keys()]),
    hasSchema: schema !== undefined,
    hasRules: schema !== undefined || checks.length > 0,
    environment: (name: string) =>
      environments.get(name) ?? Object.freeze({ name, config: defaults, overlay: Object.freeze({}) }),
    leaf: (path: string) => leaves.get(path) ?? refuse(path, leaves),
    leavesUnder: (path: string) => leavesUnder(path, leaves),
    flaw,
    schemaIssues: (config: object) => (schema === undefined ? [] : schemaIssues(schema, config, leaves)),
    violations: (config: object) => broken(checks, config),
    describe: (path: string) => described(describe, path),
  });
  sound("The defaults", definition.defaults, definition);
  for (const environment of environments.values()) {
    sound(`The environment "${environment.name}"`, environment.config, definition);
  }
  return definition;
}

function broken(checks: readonly RuleCheck[], config: object): readonly RuleViolation[] {
  return checks.map((check) => check(config)).filter((violation) => violation !== undefined);
}

function refuse(path: string, leaves: ReadonlyMap<string, Leaf>): never {
  throw unknownPath(path, leaves.keys());
}

function leavesUnder(path: string, leaves: ReadonlyMap<string, Leaf>): readonly Leaf[] {
  const leaf = leaves.get(path);
  if (leaf !== undefined) return [leaf];
  const below = [...leaves.values()].filter((candidate) => candidate.path.startsWith(`${path}.`));
  if (below.length > 0) return below;
  throw unknownPath(path, [...leaves.keys(), ...branchPaths(leaves)]);
}

function branchPaths(leaves: ReadonlyMap<string, Leaf>): ReadonlySet<string> {
  return new Set(
    [...leaves.values()].flatMap(({ segments }) =>
      segments.slice(1).map((_, index) => segments.slice(0, index + 1).join(".")),
    ),
  );
}

function invalid(what: string, path: string, leaves: ReadonlyMap<string, Leaf>): FlagError {
  return new FlagError("DEFINITION_INVALID", `${what}. ${unknownPath(path, leaves.keys()).message}`, {
    path,
  });
}

function environmentFlags<C extends object>(
  name: string,
  overlay: unknown,
  defaults: DeepReadonly<C>,
  leaves: ReadonlyMap<string, Leaf>,
  flaw: (leaf: Leaf, value: unknown) => string | undefined,
): EnvironmentFlags<C> {
  const check = (branch: unknown, shape: unknown, above: string): void => {
    if (!isPlainObject(branch)) {
      const what = above === "" ? `Environment "${name}"` : `"${above}" in environment "${name}"`;
      const path = above === "" ? undefined : above;
      throw new FlagError("DEFINITION_INVALID", `${what} must be an object.`, { path });
    }
    for (const [key, value] of Object.entries(branch)) {
      const path = above === "" ? key : `${above}.${key}`;
      if (value === undefined) continue;
      const below = isPlainObject(shape) && Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (isBranch(below)) {
        check(value, below, path);
        continue;
      }
      if (key.includes(".")) {
        const message = `"${path}" in environment "${name}" has a dot in its key. Nest the objects instead.`;
        throw new FlagError("DEFINITION_INVALID", message, { path });
      }
      const leaf = leaves.get(path);
      if (leaf === undefined)
        throw invalid(`Environment "${name}" sets a path that is not defined`, path, leaves);
      const wrong = flaw(leaf, value);
      if (wrong !== undefined) {
        throw new FlagError("DEFINITION_INVALID", `"${path}" in environment "${name}" ${wrong}.`, { path });
      }
    }
  };
  check(overlay, defaults, "");
  const own = frozen(overlay) as Readonly<Record<string, FlagValue>>;
  return Object.freeze({ name, config: mergeFlags(defaults, own) as DeepReadonly<C>, overlay: own });
}

function described<C extends object>(
  describe: DefinitionInput<C>["describe"],
  path: string,
): { label: string; text: string | undefined; browser: boolean } {
  const all: Readonly<Record<string, FlagDescription | undefined>> = describe ?? {};
  const own = Object.hasOwn(all, path) ? all[path] : undefined;
  return { label: own?.label ?? labelFrom(path), text: own?.text, browser: own?.browser ?? false };
}

/** "phase2.offlineMode" as "Offline mode". */
function labelFrom(path: string): string {
  const words = path.slice(path.lastIndexOf(".") + 1).replace(/([a-z0-9])([A-Z])/g, "$1 $2");
  const lower = words.toLowerCase().replaceAll(/[_-]/g, " ");
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

function sound<C extends object>(what: string, config: object, definition: FlagDefinition<C>): void {
  const [first] = [...definition.schemaIssues(config), ...definition.violations(config)];
  if (first === undefined) return;
  throw new FlagError("DEFINITION_INVALID", `${what} break the definition's own rules: ${first.message}`, {
    path: first.path,
  });
}
