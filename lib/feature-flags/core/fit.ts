import type { FlagDefinition } from "./definition.ts";
import { frozen, isBranch, isPlainObject } from "./paths.ts";
import type { FlagObject, FlagSource, FlagValue, OverrideMismatch } from "./types.ts";

/** A stored override cut down to what the definition knows. */
export interface FittedOverride {
  readonly values: FlagObject;
  readonly mismatches: readonly OverrideMismatch[];
}

/** One override cannot fill the log or the memory with its faults. */
const MAX_MISMATCHES = 100;

/**
 * The leaves of a stored override that fit the definition; the others are left out and named. Stored rows are
 * older than the code that reads them and may have been changed by hand, so nothing about them is believed.
 */
export function fitOverride<C extends object>(
  definition: FlagDefinition<C>,
  layer: FlagSource,
  stored: unknown,
): FittedOverride {
  const mismatches: OverrideMismatch[] = [];
  const report = (path: string, message: string): void => {
    if (mismatches.length < MAX_MISMATCHES) mismatches.push(Object.freeze({ layer, path, message }));
  };
  if (!isPlainObject(stored)) report("", "The stored override is not a JSON object. Nothing of it applies.");
  const values = isPlainObject(stored) ? fitBranch(definition, stored, definition.defaults, "", report) : {};
  return { values: Object.freeze(values), mismatches: Object.freeze(mismatches) };
}

function fitBranch<C extends object>(
  definition: FlagDefinition<C>,
  stored: Readonly<Record<string, unknown>>,
  shape: object,
  above: string,
  report: (path: string, message: string) => void,
): FlagObject {
  const values: Record<string, FlagValue> = {};
  for (const key of Object.keys(stored)) {
    const path = above === "" ? key : `${above}.${key}`;
    const value = stored[key];
    const below: unknown = isPlainObject(shape) && Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (isBranch(below)) {
      if (!isPlainObject(value)) {
        report(path, "The definition has flags below this path, the stored override a value.");
        continue;
      }
      const fitted = fitBranch(definition, value, below, path, report);
      if (Object.keys(fitted).length > 0) values[key] = Object.freeze(fitted);
      continue;
    }
    // A key with a dot can look like the path of a leaf, but nothing would ever read the value there.
    const leaf = key.includes(".") ? undefined : definition.leaves.get(path);
    if (leaf === undefined) {
      report(path, "The definition has no such flag (any more).");
      continue;
    }
    const flaw = definition.flaw(leaf, value);
    if (flaw === undefined) values[key] = frozen(value) as FlagValue;
    else report(path, `This flag ${flaw}.`);
  }
  return values;
}
