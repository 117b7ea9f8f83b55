import { describe, expect, it } from "vitest";
import { isFlagError } from "../../../lib/feature-flags/core/errors.ts";
import { type Leaf, leafFlaw, leavesOf, valueFlaw } from "../../../lib/feature-flags/core/leaves.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { circle, nestedList, nestedObject } from "../hostile-values.ts";

const leaves = leavesOf({
  on: true,
  name: "x",
  seats: 1,
  any: null,
  hosts: ["a"],
  ports: [1, 2],
  mixed: [1, "a"],
  none: [],
  open: {},
  deep: { er: { leaf: false } },
});

function leaf(path: string): Leaf {
  const found = leaves.get(path);
  if (found === undefined) throw new Error(`no leaf ${path}`);
  return found;
}

describe("leavesOf", () => {
  it("finds every path that holds a value, in the order of the definition", () => {
    expect([...leaves.keys()]).toEqual([
      ...["on", "name", "seats", "any", "hosts", "ports", "mixed", "none", "open"],
      "deep.er.leaf",
    ]);
    expect(leaf("deep.er.leaf")).toMatchObject({ segments: ["deep", "er", "leaf"], kind: "boolean" });
    for (const one of leaves.values()) expect(changeablePlaces(one)).toEqual([]);
  });

  it.each([
    ["a class instance", { when: new Date(0) }, "when"],
    ["undefined", { a: { b: undefined } }, "a.b"],
    ["a function", { run: () => 1 }, "run"],
    ["a bigint", { big: 1n }, "big"],
    ["NaN", { n: Number.NaN }, "n"],
    ["a lone surrogate", { s: "\udc00" }, "s"],
    ["NUL in a list", { s: ["a\u0000"] }, "s"],
    ["a key with a dot", { "a.b": 1 }, "a.b"],
    ["an empty key", { a: { "": 1 } }, "a."],
    ["a list with a hole", { list: Array(1) }, "list"],
  ])("refuses defaults with %s and names the path", (_, defaults, path) => {
    expect(() => leavesOf(defaults)).toThrowError(
      expect.objectContaining({ code: "DEFINITION_INVALID", path }),
    );
  });

  it("refuses depth bombs and circles without running out of stack", () => {
    for (const defaults of [nestedObject(5_000), { list: nestedList(5_000) }, circle()]) {
      let thrown: unknown;
      try {
        leavesOf(defaults as object);
      } catch (error) {
        thrown = error;
      }
      expect(isFlagError(thrown, "DEFINITION_INVALID")).toBe(true);
    }
  });
});

describe("leafFlaw", () => {
  it("takes values of the default's kind", () => {
    for (const [path, value] of [
      ["on", false],
      ["name", ""],
      ["seats", -1.5],
      ["hosts", []],
      ["hosts", ["b", "c"]],
      ["mixed", [true, null, { a: 1 }]],
      ["none", [{ any: "thing" }]],
      ["open", { any: { thing: [1] } }],
      ["any", null],
      ["any", "text"],
      ["any", [1]],
    ] as const) {
      expect([path, leafFlaw(leaf(path), value)]).toEqual([path, undefined]);
    }
  });

  it.each([
    ["on", 1, "takes a boolean, not a number"],
    ["on", "true", "takes a boolean, not a string"],
    ["on", null, "takes a boolean, not null"],
    ["name", ["x"], "takes a string, not an array"],
    ["seats", "5", "takes a number, not a string"],
    ["seats", Number.NaN, "takes finite numbers only"],
    ["seats", Number.POSITIVE_INFINITY, "takes finite numbers only"],
    ["hosts", { 0: "a" }, "takes an array, not an object"],
    ["open", ["a"], "takes an object, not an array"],
    ["hosts", ["a", 1], "takes an array of strings, not one with a number"],
    ["hosts", ["a", false], "takes an array of strings, not one with a boolean"],
    ["hosts", ["a", null], "takes an array of strings, not one with null"],
    ["ports", [1, [2]], "takes an array of numbers, not one with an array"],
    ["name", "a\u0000b", "takes well-formed text without NUL characters"],
    ["name", "\ud800", "takes well-formed text without NUL characters"],
    ["open", { "\ud800": 1 }, 'has a key that is refused: "\\ud800"'],
    ["open", JSON.parse('{"a":{"__proto__":1}}'), 'has a key that is refused: "__proto__"'],
    ["any", undefined, "takes JSON values only: boolean, string, number, null, array, plain object"],
    ["any", new Date(0), "takes JSON values only: boolean, string, number, null, array, plain object"],
    ["open", circle(), "nests deeper than 32 levels"],
    ["any", nestedList(5_000), "nests deeper than 32 levels"],
    ["on", nestedObject(5_000), "nests deeper than 32 levels"],
  ])("says what %s has against %o: %s", (path, value, flaw) => {
    expect(leafFlaw(leaf(path), value)).toBe(flaw);
  });

  it("takes a string of 64 Ki characters and not one more", () => {
    expect(valueFlaw("x".repeat(65_536))).toBeUndefined();
    expect(valueFlaw("x".repeat(65_537))).toBe("takes strings of at most 65536 characters");
  });
});
