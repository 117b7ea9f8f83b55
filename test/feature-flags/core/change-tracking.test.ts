import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  detectChanges,
  logFlagChanges,
  sameValue,
  type ValueChange,
} from "../../../lib/feature-flags/core/change-tracking.ts";
import { mergeFlags } from "../../../lib/feature-flags/core/merge.ts";
import { withoutPath, withPath } from "../../../lib/feature-flags/core/paths.ts";
import type { FlagObject } from "../../../lib/feature-flags/core/types.ts";
import { anyConfig, overridesOf } from "../arbitrary-flags.ts";

describe("detectChanges", () => {
  it("names each leaf that differs, with both values", () => {
    const before = { chat: { tabSync: false, retry: true }, hosts: ["a"] };
    const after = { chat: { tabSync: true, retry: true }, hosts: ["a", "b"] };
    expect(detectChanges(before, after)).toEqual([
      { path: "chat.tabSync", oldValue: false, newValue: true },
      { path: "hosts", oldValue: ["a"], newValue: ["a", "b"] },
    ]);
  });

  it("names leaves even where one side has none at all", () => {
    expect(detectChanges({}, { a: 1, b: { c: 2 } })).toEqual([
      { path: "a", oldValue: undefined, newValue: 1 },
      { path: "b.c", oldValue: undefined, newValue: 2 },
    ]);
    expect(detectChanges({ a: 1 }, {})).toEqual([{ path: "a", oldValue: 1, newValue: undefined }]);
  });

  it("goes by the shape, where one is given: an open record is one leaf", () => {
    const shape = { labels: {}, limits: { seats: 1 } };
    const changes = detectChanges({ labels: { a: "1", b: "2" } }, { labels: { a: "1" } }, shape);
    expect(changes).toEqual([{ path: "labels", oldValue: { a: "1", b: "2" }, newValue: { a: "1" } }]);
  });

  it("finds nothing where only the order of keys, or the sign of zero, differs", () => {
    expect(
      detectChanges({ o: { a: 1, b: [{ c: 0, d: 1 }] } }, { o: { b: [{ d: 1, c: -0 }], a: 1 } }),
    ).toEqual([]);
  });

  it("tells null from not set, and an empty list from an empty object", () => {
    expect(detectChanges({ a: null }, {})).toHaveLength(1);
    expect(detectChanges({ a: [] }, { a: {} })).toHaveLength(1);
    expect(detectChanges({ a: "1" }, { a: 1 })).toHaveLength(1);
    expect(detectChanges({ a: 0 }, { a: false })).toHaveLength(1);
  });

  it("finds nothing between a config and itself", () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        expect(detectChanges(config, structuredClone(config))).toEqual([]);
      }),
    );
  });

  it("finds what, applied to the old config, gives the new one", () => {
    fc.assert(
      fc.property(anyConfig, anyConfig, (before, after) => {
        expect(applied(before, detectChanges(before, after))).toEqual(after);
      }),
    );
  });

  it("finds, by the shape, what applied to the old config gives the new one", () => {
    const pair = anyConfig.chain((shape) =>
      fc.tuple(fc.constant(shape), overridesOf(shape), overridesOf(shape)),
    );
    fc.assert(
      fc.property(pair, ([shape, lower, upper]) => {
        const [before, after] = [mergeFlags(shape, lower), mergeFlags(shape, upper)];
        const changes = detectChanges(before, after, shape);
        expect(applied(before, changes)).toEqual(after);
        expect(changes.map(({ path }) => path)).toEqual([...new Set(changes.map(({ path }) => path))]);
        expect(changes.every(({ oldValue, newValue }) => !sameValue(oldValue, newValue))).toBe(true);
      }),
    );
  });

  it("turns round when its arguments do", () => {
    fc.assert(
      fc.property(anyConfig, anyConfig, (before, after) => {
        const there = detectChanges(before, after).map(({ path, oldValue, newValue }) => ({
          path,
          oldValue: newValue,
          newValue: oldValue,
        }));
        expect(sorted(detectChanges(after, before))).toEqual(sorted(there));
      }),
    );
  });
});

describe("logFlagChanges", () => {
  const shape = { a: { b: 1, c: 1 }, d: 1 };

  it("has a row for each leaf that the tenant sees otherwise, though its override never named it", () => {
    const rows = logFlagChanges(
      { a: { b: 2, c: 1 }, d: 7 },
      { a: { b: 2, c: 5 }, d: 1 },
      { oldOverride: {}, newOverride: { a: { c: 5 } }, shape },
    );
    expect(rows).toEqual([
      { path: "a.c", oldValue: 1, newValue: 5, oldOverride: undefined, newOverride: 5 },
      { path: "d", oldValue: 7, newValue: 1, oldOverride: undefined, newOverride: undefined },
    ]);
  });

  it("has a row for a leaf pinned to the value it inherits", () => {
    const config = { a: { b: 1, c: 1 }, d: 1 };
    expect(logFlagChanges(config, config, { oldOverride: {}, newOverride: { d: 1 }, shape })).toEqual([
      { path: "d", oldValue: 1, newValue: 1, oldOverride: undefined, newOverride: 1 },
    ]);
  });

  it("has one row per leaf, however it changed, and none where nothing did", () => {
    const [before, after] = [
      { a: { b: 1, c: 1 }, d: 1 },
      { a: { b: 2, c: 1 }, d: 1 },
    ];
    const context = { oldOverride: { a: { b: 1 } }, newOverride: { a: { b: 2 } }, shape };
    expect(logFlagChanges(before, after, context)).toHaveLength(1);
    expect(logFlagChanges(before, before, { oldOverride: {}, newOverride: {}, shape })).toEqual([]);
  });
});

function applied(config: FlagObject, changes: readonly ValueChange[]): FlagObject {
  return changes.reduce(
    (result, { path, newValue }) =>
      newValue === undefined
        ? withoutPath(result, path.split("."))
        : withPath(result, path.split("."), newValue),
    config,
  );
}

function sorted(changes: readonly ValueChange[]): ValueChange[] {
  return changes.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
