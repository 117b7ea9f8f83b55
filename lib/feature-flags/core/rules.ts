import { FlagError } from "./errors.ts";
import type { Leaf } from "./leaves.ts";
import { isPlainObject, readPath } from "./paths.ts";
import { unknownPath } from "./suggestion.ts";
import type { DeepReadonly, FlagPath, RuleViolation } from "./types.ts";

/** A truth about the merged config: either "this flag needs those", or a check of its own. */
export type FlagRule<C extends object> =
  | {
      readonly path: FlagPath<C>;
      /** Paths that must be on (truthy) wherever `path` is. */
      readonly needs: readonly FlagPath<C>[];
    }
  | {
      readonly path: FlagPath<C>;
      /** True where the config is sound. Pure and synchronous. */
      readonly check: (config: DeepReadonly<C>) => boolean;
      /** What to do about it, for the person whose change is refused. */
      readonly message: string;
    };

export type RuleCheck = (config: object) => RuleViolation | undefined;

/** The rules as functions over a config. Throws DEFINITION_INVALID for a rule that names no flag. */
export function compileRules<C extends object>(
  rules: readonly FlagRule<C>[],
  leaves: ReadonlyMap<string, Leaf>,
): readonly RuleCheck[] {
  return rules.map((rule) => {
    checkRule(rule);
    const leaf = leafNamed(rule.path, leaves);
    if ("needs" in rule)
      return needs(
        leaf,
        rule.needs.map((path) => leafNamed(path, leaves)),
      );
    return own(rule.path, rule.message, rule.check);
  });
}

/** Types do not hold whoever writes plain JavaScript. */
function checkRule(rule: unknown): void {
  const given = isPlainObject(rule) ? rule : {};
  const { path, needs, check, message } = given;
  const isNeeds = Array.isArray(needs) && needs.every((needed) => typeof needed === "string");
  const isCheck = typeof check === "function" && typeof message === "string";
  if (typeof path === "string" && (isNeeds || isCheck)) return;
  const text = "A rule must be { path, needs: [paths] } or { path, check: function, message: text }.";
  throw new FlagError("DEFINITION_INVALID", text, { path: typeof path === "string" ? path : undefined });
}

function leafNamed(path: string, leaves: ReadonlyMap<string, Leaf>): Leaf {
  const leaf = leaves.get(path);
  if (leaf !== undefined) return leaf;
  const { message } = unknownPath(path, leaves.keys());
  throw new FlagError("DEFINITION_INVALID", `A rule names a path that is not defined. ${message}`, { path });
}

function needs(leaf: Leaf, needed: readonly Leaf[]): RuleCheck {
  return (config) => {
    if (!readPath(config, leaf.segments)) return undefined;
    const missing = needed.filter((other) => !readPath(config, other.segments)).map((other) => other.path);
    if (missing.length === 0) return undefined;
    const list = missing.join(" and ");
    return violation(leaf.path, `${leaf.path} needs ${list}. Turn ${list} on, or ${leaf.path} off.`);
  };
}

/** A rule that throws is a rule that is broken: it must not break the answer of the tenant it met. */
function own<C extends object>(
  path: string,
  message: string,
  check: (config: DeepReadonly<C>) => boolean,
): RuleCheck {
  return (config) => {
    try {
      return check(config as DeepReadonly<C>) ? undefined : violation(path, message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return violation(path, `The rule "${message}" failed while being checked: ${why}`);
    }
  };
}

/** Frozen, for it is part of an answer that callers share. */
function violation(path: string, message: string): RuleViolation {
  return Object.freeze({ path, message });
}
