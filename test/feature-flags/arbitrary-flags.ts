import fc from "fast-check";
import type { FlagObject, FlagValue } from "../../lib/feature-flags/core/types.ts";

/** Keys that are hard to tell apart, or that mean something to an object that inherits. */
const key = fc.constantFrom("a", "b", "c", "toString", "valueOf", "hasOwnProperty", "0", " ", "ключ");

const leafValue: fc.Arbitrary<FlagValue> = fc.oneof(
  fc.boolean(),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom("", "x", "null"),
  fc.constant(null),
  fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), fc.boolean()), { maxLength: 3 }),
  fc.constant({}),
);

/** Any config: objects of objects of values, up to four levels. */
export const anyConfig: fc.Arbitrary<FlagObject> = fc.letrec<{ branch: FlagObject; value: FlagValue }>(
  (tie) => ({
    branch: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: false }),
    value: fc.oneof({ depthSize: "small", maxDepth: 3 }, leafValue, tie("branch")),
  }),
).branch;

/** A config and overrides of it: some paths, each with another value of any kind for a leaf. */
export function overridesOf(config: FlagObject): fc.Arbitrary<FlagObject> {
  const members = Object.entries(config).map(([name, value]) =>
    fc.tuple(fc.constant(name), fc.boolean(), overrideOf(value)),
  );
  return fc
    .tuple(...members)
    .map((given) =>
      Object.fromEntries(given.filter(([, isSet]) => isSet).map(([name, , value]) => [name, value])),
    );
}

function overrideOf(value: FlagValue): fc.Arbitrary<FlagValue> {
  return isBranchValue(value) ? overridesOf(value) : leafValue;
}

export function isBranchValue(value: unknown): value is FlagObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
  );
}

/** The paths of all leaves, as arrays of keys. */
export function leafPaths(config: FlagObject, above: readonly string[] = []): string[][] {
  return Object.entries(config).flatMap(([name, value]) =>
    isBranchValue(value) ? leafPaths(value, [...above, name]) : [[...above, name]],
  );
}
