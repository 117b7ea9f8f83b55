import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeFlags, mergeOverrides } from "../../../lib/feature-flags/core/merge.ts";
import { readPath } from "../../../lib/feature-flags/core/paths.ts";
import type { FlagObject } from "../../../lib/feature-flags/core/types.ts";
import { anyConfig, isBranchValue, leafPaths, overridesOf } from "../arbitrary-flags.ts";
import { changeablePlaces } from "../changeable-places.ts";

const layered = anyConfig.chain((defaults) =>
  fc.tuple(fc.constant(defaults), overridesOf(defaults), overridesOf(defaults)),
);

describe("mergeFlags", () => {
  it("merges objects key by key and replaces everything else", () => {
    const merged = mergeFlags(
      { chat: { tabSync: false, retry: true }, hosts: ["a", "b"], note: "old" as string | null, open: {} },
      { chat: { tabSync: true }, hosts: ["c"], note: null, open: { any: { thing: 1 } } },
    );
    expect(merged).toEqual({
      chat: { tabSync: true, retry: true },
      hosts: ["c"],
      note: null,
      open: { any: { thing: 1 } },
    });
  });

  it("takes undefined as not set", () => {
    const defaults = { a: { b: 1 }, c: 2 };
    expect(mergeFlags(defaults, { a: undefined, c: undefined })).toEqual(defaults);
    expect(mergeFlags(defaults, { a: { b: undefined } })).toEqual(defaults);
  });

  it("lets nothing in from outside the shape, nor a value where the shape has a branch", () => {
    const defaults = { a: { b: 1 } };
    const outside: FlagObject = { x: 1, a: { y: { z: 1 }, b: 2 } };
    expect(mergeFlags(defaults, outside)).toEqual({ a: { b: 2 } });
    for (const value of [1, "text", null, true, [1]]) {
      const wrong: FlagObject = { a: value };
      expect(mergeFlags(defaults, wrong)).toEqual(defaults);
    }
  });

  it("keeps an open record open when a second layer replaces what the first one put there", () => {
    const defaults: FlagObject = { labels: {}, list: [] };
    const first: FlagObject = mergeFlags(defaults, { labels: { tier: "gold" } });
    expect(mergeFlags(first, { labels: { region: "eu" } }, defaults)).toEqual({
      labels: { region: "eu" },
      list: [],
    });
  });

  it("freezes what it returns all the way down, even where the inputs were frozen at the top only", () => {
    const defaults = Object.freeze({ a: { b: 1, list: [[1]] }, c: { d: 1 } });
    const overrides = Object.freeze({ a: Object.freeze({ list: Object.freeze([[2]]) }) });
    const merged = mergeFlags<{ a: { b: number; list: readonly number[][] }; c: { d: number } }>(
      defaults,
      overrides,
    );
    expect(changeablePlaces(merged)).toEqual([]);
    expect(changeablePlaces(mergeFlags(defaults, {}))).toEqual([]);
    defaults.c.d = 99;
    overrides.a.list[0]?.push(99);
    expect(merged).toEqual({ a: { b: 1, list: [[2]] }, c: { d: 1 } });
  });

  it("shares the branches that no override touches, and the whole config if none does", () => {
    const defaults = mergeFlags({ a: { b: 1 }, c: { d: { e: 1 }, f: 1 } }, {});
    const merged = mergeFlags(defaults, { c: { f: 2 } });
    expect(merged.a).toBe(defaults.a);
    expect(merged.c.d).toBe(defaults.c.d);
    expect(mergeFlags(defaults, {})).toBe(defaults);
    expect(mergeFlags(defaults, { c: { f: 1, d: {} } })).toBe(defaults);
  });

  it("is the identity for an empty override", () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        expect(mergeFlags(config, {})).toEqual(config);
      }),
    );
  });

  it("gives every leaf the override's value, and the default where there is none", () => {
    fc.assert(
      fc.property(layered, ([defaults, overrides]) => {
        const merged = mergeFlags(defaults, overrides);
        expect(leafPaths(merged).length).toBeGreaterThanOrEqual(leafPaths(defaults).length);
        for (const path of leafPaths(defaults)) {
          const set = readPath(overrides, path);
          expect(readPath(merged, path)).toEqual(set === undefined ? readPath(defaults, path) : set);
        }
      }),
    );
  });

  it("is idempotent", () => {
    fc.assert(
      fc.property(layered, ([defaults, overrides]) => {
        const once: FlagObject = mergeFlags(defaults, overrides);
        expect(mergeFlags(once, overrides, defaults)).toEqual(once);
      }),
    );
  });

  it("is associative in cascade order: layers can be merged first and applied together", () => {
    fc.assert(
      fc.property(layered, ([defaults, lower, upper]) => {
        const oneByOne = mergeFlags<FlagObject>(mergeFlags(defaults, lower), upper, defaults);
        const together = mergeFlags(defaults, layersTogether(lower, upper, defaults));
        expect(together).toEqual(oneByOne);
      }),
    );
  });

  it("never changes its inputs, and never hands them out where they could still be changed", () => {
    fc.assert(
      fc.property(layered, ([defaults, overrides]) => {
        const copies = structuredClone([defaults, overrides]);
        const merged = mergeFlags(defaults, overrides);
        expect([defaults, overrides]).toEqual(copies);
        expect(changeablePlaces(merged)).toEqual([]);
        const fromFrozen = mergeFlags(mergeFlags(defaults, {}), overrides);
        expect(fromFrozen).toEqual(merged);
      }),
    );
  });

  it("shares every untouched branch", () => {
    fc.assert(
      fc.property(layered, ([config, overrides]) => {
        const defaults = mergeFlags<FlagObject>(config, {});
        expectShared(defaults, overrides, mergeFlags<FlagObject>(defaults, overrides));
      }),
    );
  });
});

describe("mergeOverrides", () => {
  it("lays the patch over what is stored and keeps the rest", () => {
    const stored = { a: { b: 1, c: 2 }, list: [1, 2] };
    expect(mergeOverrides(stored, { a: { b: 3 }, list: [], d: null })).toEqual({
      a: { b: 3, c: 2 },
      list: [],
      d: null,
    });
    expect(stored).toEqual({ a: { b: 1, c: 2 }, list: [1, 2] });
  });

  it("is associative for patches of one shape, idempotent, and the identity for an empty patch", () => {
    const patches = anyConfig.chain((shape) => {
      const patch = overridesOf(shape);
      return fc.tuple(patch, patch, patch);
    });
    fc.assert(
      fc.property(patches, ([a, b, c]) => {
        expect(mergeOverrides(mergeOverrides(a, b), c)).toEqual(mergeOverrides(a, mergeOverrides(b, c)));
        expect(mergeOverrides(mergeOverrides(a, b), b)).toEqual(mergeOverrides(a, b));
        expect(mergeOverrides(a, {})).toEqual(a);
      }),
    );
  });

  it("never changes its inputs", () => {
    fc.assert(
      fc.property(anyConfig, anyConfig, (stored, patch) => {
        const copies = structuredClone([stored, patch]);
        mergeOverrides(stored, patch);
        expect([stored, patch]).toEqual(copies);
      }),
    );
  });

  it.each(["__proto__", "constructor", "prototype"])("refuses %s as a key, at any depth", (key) => {
    const patch: FlagObject = JSON.parse(`{"a":{"b":{"${key}":{"polluted":true}}}}`);
    expect(() => mergeOverrides({}, patch)).toThrowError(expect.objectContaining({ code: "INVALID_PATCH" }));
  });
});

/** The naive reading of "two layers as one": the upper one's leaves, else the lower one's, by the definition's shape. */
function layersTogether(lower: FlagObject, upper: FlagObject, shape: FlagObject): FlagObject {
  const entries = Object.keys(shape).flatMap((key) => {
    const [below, above, form] = [lower[key], upper[key], shape[key]].map((value, index) =>
      Object.hasOwn([lower, upper, shape][index] ?? {}, key) ? value : undefined,
    );
    const together =
      isBranchValue(form) && below !== undefined && above !== undefined
        ? layersTogether(below as FlagObject, above as FlagObject, form)
        : (above ?? (above === null ? null : below));
    return together === undefined ? [] : [[key, together] as const];
  });
  return Object.fromEntries(entries);
}

function expectShared(before: FlagObject, overrides: FlagObject, after: FlagObject): void {
  if (leafPaths(overrides).length === 0) expect(after).toBe(before);
  for (const [key, branch] of Object.entries(before)) {
    if (!isBranchValue(branch)) continue;
    const own = Object.hasOwn(overrides, key) ? overrides[key] : {};
    const merged = after[key];
    if (isBranchValue(merged)) expectShared(branch, isBranchValue(own) ? own : {}, merged);
  }
}
