import { FlagError } from "./errors.ts";
import { isBranch, isPlainObject, MAX_DEPTH, readPath } from "./paths.ts";
import type { FlagChange, FlagObject, FlagValue } from "./types.ts";

/** One leaf that differs between two configs; `undefined` where a side does not have it. */
export interface ValueChange {
  readonly path: string;
  readonly oldValue: FlagValue | undefined;
  readonly newValue: FlagValue | undefined;
}

/** A path may have 32 segments, and the value at its end 32 levels of its own. */
const DEEPEST = 2 * MAX_DEPTH;

/**
 * Every leaf in which two configs, or two partial overrides, differ, in the order of the first one's keys.
 * `shape` says which objects are branches; without it, every object that has keys is one. Throws PATCH_TOO_LARGE
 * beyond 64 levels.
 *
 * @example
 * detectChanges({ chat: { tabSync: false } }, { chat: { tabSync: true } });
 * // [{ path: "chat.tabSync", oldValue: false, newValue: true }]
 */
export function detectChanges(oldConfig: object, newConfig: object, shape?: object): ValueChange[] {
  const changes: ValueChange[] = [];
  collect(oldConfig, newConfig, shape, "", 0, changes);
  return changes;
}

function collect(
  before: unknown,
  after: unknown,
  shape: unknown,
  path: string,
  depth: number,
  into: ValueChange[],
): void {
  if (Object.is(before, after)) return;
  if (depth > DEEPEST) {
    throw new FlagError("PATCH_TOO_LARGE", `A config nests deeper than ${DEEPEST} levels. Flatten it.`);
  }
  // A config is a branch even while it is empty: its leaves have names, it has none.
  const isBranchHere = shape === undefined ? depth === 0 || isEitherBranch(before, after) : isBranch(shape);
  if (!isBranchHere) {
    if (!sameValue(before, after)) into.push({ path, oldValue: asValue(before), newValue: asValue(after) });
    return;
  }
  const from = isPlainObject(before) ? before : {};
  const to = isPlainObject(after) ? after : {};
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  for (const key of keys) {
    const below = isBranch(shape) ? (Object.hasOwn(shape, key) ? shape[key] : null) : undefined;
    const name = depth === 0 ? key : `${path}.${key}`;
    collect(own(from, key), own(to, key), below, name, depth + 1, into);
  }
}

/** Objects are compared leaf by leaf only where the other side is an object, or absent, too. */
function isEitherBranch(before: unknown, after: unknown): boolean {
  if (isBranch(before)) return after === undefined || isBranch(after);
  return before === undefined && isBranch(after);
}

function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The parse of "whatever a config holds" into a value: configs only ever hold JSON. */
function asValue(value: unknown): FlagValue | undefined {
  return value as FlagValue | undefined;
}

/** Equal as JSON, whatever the order of keys. What nests deeper than any flag may is never equal to another. */
export function sameValue(a: unknown, b: unknown, depth = 0): boolean {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (depth > DEEPEST) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index], depth + 1));
  }
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key], depth + 1))
  );
}

/** A tenant before and after a write: what it saw, and what its own override said. */
export interface ChangeContext {
  readonly oldOverride: FlagObject;
  readonly newOverride: FlagObject;
  /** The definition's defaults: they say which objects are branches. */
  readonly shape: object;
}

/**
 * What the audit trail says of one write: a row for each leaf whose value the tenant sees otherwise now, and for
 * each leaf whose override changed, seen or not (pinning a flag to the value it inherits is a change too).
 * The rows are written by storage, in the transaction of the write.
 */
export function logFlagChanges(oldConfig: object, newConfig: object, context: ChangeContext): FlagChange[] {
  const { oldOverride, newOverride, shape } = context;
  const seen = detectChanges(oldConfig, newConfig, shape);
  const set = detectChanges(oldOverride, newOverride, shape);
  const paths = new Set([...set, ...seen].map((change) => change.path));
  return [...paths].map((path) => {
    const segments = path.split(".");
    return {
      path,
      oldValue: asValue(readPath(oldConfig, segments)),
      newValue: asValue(readPath(newConfig, segments)),
      oldOverride: asValue(readPath(oldOverride, segments)),
      newOverride: asValue(readPath(newOverride, segments)),
    };
  });
}
