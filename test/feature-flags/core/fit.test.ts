import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitOverride } from "../../../lib/feature-flags/core/fit.ts";
import { mergeFlags } from "../../../lib/feature-flags/core/merge.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { GARBAGE } from "../hostile-values.ts";
import { planFlags } from "../plan-flags.ts";

const definition = planFlags();
const fitted = (stored: unknown) => fitOverride(definition, "customer_override", stored);

describe("fitOverride", () => {
  it("keeps what fits, and names what does not with its layer", () => {
    const { values, mismatches } = fitted({
      limits: { maxSeats: 9, minSeats: "many", gone: 1 },
      beta: true,
      plan: "gold",
      removed: { branch: { leaf: 1 } },
    });
    expect(values).toEqual({ limits: { maxSeats: 9 }, plan: "gold" });
    expect(mismatches.map(({ path }) => path)).toEqual(["limits.minSeats", "limits.gone", "beta", "removed"]);
    expect(new Set(mismatches.map(({ layer }) => layer))).toEqual(new Set(["customer_override"]));
    expect(mismatches[0]?.message).toBe("This flag takes a number, not a string.");
  });

  it("takes a dotted key for what it is: a key that the definition does not have", () => {
    for (const stored of [{ "limits.maxSeats": 9 }, { "limits.regions": [] }]) {
      expect(fitted(stored).values).toEqual({});
      expect(fitted(stored).mismatches).toHaveLength(1);
    }
  });

  it("lists at most a hundred faults of one override", () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`flag${index}`, 1]));
    expect(fitted(many).mismatches).toHaveLength(100);
  });

  it.each(GARBAGE.map((stored, index) => [index, stored]))(
    "makes of garbage %i something that merges into a sound config",
    (_, stored) => {
      const { values, mismatches } = fitted(stored);
      expect(changeablePlaces(values)).toEqual([]);
      expect(changeablePlaces(mismatches)).toEqual([]);
      const config = mergeFlags(definition.defaults, values);
      for (const leaf of definition.leaves.values()) {
        const value = leaf.segments.reduce<unknown>((below, key) => Reflect.get(Object(below), key), config);
        expect([leaf.path, definition.flaw(leaf, value)]).toEqual([leaf.path, undefined]);
      }
      const isEmpty = typeof stored === "object" && stored !== null && Object.keys(stored).length === 0;
      if (Object.keys(values).length === 0 && !isEmpty) expect(mismatches.length).toBeGreaterThan(0);
    },
  );

  it("never throws, and never lets in what does not fit, whatever is stored", () => {
    const limits = fc.dictionary(fc.constantFrom("maxSeats", "regions", "other"), fc.anything());
    const stored = fc.oneof(
      fc.anything(),
      fc.record({ limits: fc.oneof(limits, fc.anything()), beta: fc.anything(), plan: fc.anything() }),
    );
    fc.assert(
      fc.property(stored, (flags) => {
        const config = mergeFlags(definition.defaults, fitted(flags).values);
        for (const leaf of definition.leaves.values()) {
          const value = leaf.segments.reduce<unknown>(
            (below, key) => Reflect.get(Object(below), key),
            config,
          );
          expect(definition.flaw(leaf, value)).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });
});
