import { FlagError } from "../../feature-flags/core/errors.ts";

/** Throws INVALID_PATCH for a key that means nothing: a misspelled list of those denied would deny nobody, in silence. */
export function refuseUnknown(
  input: Readonly<Record<string, unknown>>,
  known: readonly string[],
  what: string,
): void {
  const unknown = Object.keys(input).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const message = `${what} has no ${JSON.stringify(unknown.slice(0, 64))}. It takes ${known.join(", ")}.`;
  throw new FlagError("INVALID_PATCH", message);
}
