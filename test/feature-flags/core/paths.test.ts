import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  frozen,
  isBranch,
  isPlainObject,
  readPath,
  withoutPath,
  withPath,
} from "../../../lib/feature-flags/core/paths.ts";
import { anyConfig, leafPaths } from "../arbitrary-flags.ts";
import { changeablePlaces } from "../changeable-places.ts";

describe("readPath", () => {
  it("reads own properties only", () => {
    expect(readPath({ a: { b: 1 } }, ["a", "b"])).toBe(1);
    for (const path of [["toString"], ["a", "constructor"], ["__proto__"], ["a", "__proto__", "toString"]]) {
      expect(readPath({ a: {} }, path)).toBeUndefined();
    }
  });

  it("ends early where the way does", () => {
    expect(readPath({ a: "text" }, ["a", "length"])).toBeUndefined();
    expect(readPath({ a: [1] }, ["a", "0"])).toBeUndefined();
    expect(readPath(undefined, ["a"])).toBeUndefined();
    expect(readPath(null, ["a"])).toBeUndefined();
  });
});

describe("withPath and withoutPath", () => {
  it("set and take out one leaf, and leave the rest as it was", () => {
    const object = { a: { b: 1, c: 2 }, d: { e: 3 } };
    expect(withPath(object, ["a", "b"], 9)).toEqual({ a: { b: 9, c: 2 }, d: { e: 3 } });
    expect(withPath(object, ["d"], 9)).toEqual({ a: { b: 1, c: 2 }, d: 9 });
    expect(withoutPath(object, ["d", "e"])).toEqual({ a: { b: 1, c: 2 } });
    expect(withoutPath(object, ["d", "f"])).toEqual(object);
    expect(withoutPath(object, ["x", "y"])).toBe(object);
    expect(object).toEqual({ a: { b: 1, c: 2 }, d: { e: 3 } });
  });

  it("replace a value that stands where a branch has to be", () => {
    expect(withPath({ a: "text" }, ["a", "b"], 1)).toEqual({ a: { b: 1 } });
    expect(withoutPath({ a: "text" }, ["a", "b"])).toEqual({ a: "text" });
  });

  it("set what readPath then reads, and undo one another", () => {
    const place = anyConfig.chain((config) =>
      fc.tuple(fc.constant(config), fc.constantFrom(...leafPaths(config), ["new"], ["new", "one"])),
    );
    fc.assert(
      fc.property(place, fc.integer(), ([config, path], value) => {
        const changed = withPath(config, path, value);
        expect(readPath(changed, path)).toBe(value);
        expect(readPath(withoutPath(changed, path), path)).toBeUndefined();
        const before = readPath(config, path);
        if (before === undefined) expect(withoutPath(changed, path)).toEqual(config);
      }),
    );
  });
});

describe("isPlainObject and isBranch", () => {
  it("take objects of JSON and nothing else", () => {
    for (const value of [{}, { a: 1 }, Object.create(null)]) expect(isPlainObject(value)).toBe(true);
    for (const value of [
      null,
      undefined,
      1,
      "a",
      [],
      () => 1,
      new Date(),
      new Map(),
      /a/,
      Object.create({}),
    ]) {
      expect(isPlainObject(value)).toBe(false);
      expect(isBranch(value)).toBe(false);
    }
  });

  it("take an empty object, and one with inherited keys only, for a leaf", () => {
    expect(isBranch({})).toBe(false);
    expect(isBranch({ a: undefined })).toBe(true);
  });
});

describe("frozen", () => {
  it("freezes a copy and leaves the original alone", () => {
    const value = { a: { b: [1, { c: 1 }] } };
    const copy = frozen(value);
    expect(copy).toEqual(value);
    expect(changeablePlaces(copy)).toEqual([]);
    expect(Object.isFrozen(value)).toBe(false);
  });

  it("gives back the very object if it is frozen all the way down, and only then", () => {
    const deep = Object.freeze({ a: Object.freeze([Object.freeze({ b: 1 })]) });
    expect(frozen(deep)).toBe(deep);
    const shallow = Object.freeze({ a: Object.freeze([{ b: 1 }]) });
    expect(frozen(shallow)).not.toBe(shallow);
    expect(changeablePlaces(frozen(shallow))).toEqual([]);
  });
});
