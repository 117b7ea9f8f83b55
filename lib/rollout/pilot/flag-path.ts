import type { FlagDefinition } from "../../feature-flags/core/definition.ts";
import type { FlagPath } from "../../feature-flags/core/types.ts";

/** Whether a stored path is one of the definition's, which may have changed since. */
export function isFlagPath<C extends object>(
  definition: FlagDefinition<C>,
  path: string,
): path is FlagPath<C> {
  return definition.leaves.has(path);
}
