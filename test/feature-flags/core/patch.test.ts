import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFlagError } from "../../../lib/feature-flags/core/errors.ts";
import { applyPatch, type PatchInput, parsePatch } from "../../../lib/feature-flags/core/patch.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { circle, nestedList, nestedObject } from "../hostile-values.ts";
import { planFlags } from "../plan-flags.ts";

const definition = planFlags();

/** As it comes from a body: of any shape. */
function parse(input: unknown) {
  return parsePatch(definition, input as PatchInput);
}

function refusal(input: unknown): { code: string; path: string | undefined; message: string } {
  try {
    parse(input);
  } catch (error) {
    if (isFlagError(error)) return { code: error.code, path: error.path, message: error.message };
    throw error;
  }
  throw new Error("The patch was taken.");
}

describe("parsePatch", () => {
  it("takes nested and dotted flags side by side", () => {
    const { set, unset } = parse({
      set: { limits: { maxSeats: 9 }, "beta.search": true, note: null, labels: { a: "1" } },
      unset: ["limits.regions", "plan"],
    });
    expect([...set].map(([leaf, value]) => [leaf.path, value])).toEqual([
      ["limits.maxSeats", 9],
      ["beta.search", true],
      ["note", null],
      ["labels", { a: "1" }],
    ]);
    expect(unset.map(({ path }) => path)).toEqual(["limits.regions", "plan"]);
  });

  it("takes undefined as not named, and a branch to unset as all its leaves, once", () => {
    expect(parse({ set: { plan: undefined, limits: { maxSeats: undefined } } }).set.size).toBe(0);
    const { unset } = parse({ unset: ["limits", "limits.maxSeats", "limits"] });
    expect(unset.map(({ path }) => path)).toEqual(["limits.maxSeats", "limits.minSeats", "limits.regions"]);
  });

  it("keeps copies of the values, which their owner cannot change afterwards", () => {
    const regions = ["us"];
    const labels = Object.freeze({ deep: { er: "x" } });
    const { set } = parse({ set: { limits: { regions }, labels } });
    regions.push("spoiled");
    labels.deep.er = "spoiled";
    expect([...set.values()]).toEqual([["us"], { deep: { er: "x" } }]);
    for (const value of set.values()) expect(changeablePlaces(value)).toEqual([]);
  });

  it.each([
    ["an unknown path", { set: { limits: { maxSeat: 5 } } }, "UNKNOWN_PATH", "limits.maxSeat"],
    ["an unknown top-level path", { set: { limit: 5 } }, "UNKNOWN_PATH", "limit"],
    ["a path below a leaf", { set: { "plan.x": 5 } }, "UNKNOWN_PATH", "plan.x"],
    ["a wrong type", { set: { limits: { maxSeats: "5" } } }, "TYPE_MISMATCH", "limits.maxSeats"],
    ["a wrong item", { set: { limits: { regions: ["eu", false] } } }, "TYPE_MISMATCH", "limits.regions"],
    ["null where the flag is not nullable", { set: { plan: null } }, "TYPE_MISMATCH", "plan"],
    ["a value for a branch", { set: { limits: 5 } }, "TYPE_MISMATCH", "limits"],
    ["null for a branch", { set: { limits: null } }, "TYPE_MISMATCH", "limits"],
    ["a list for a branch", { set: { limits: [] } }, "TYPE_MISMATCH", "limits"],
    ["an object for a boolean", { set: { beta: { search: {} } } }, "TYPE_MISMATCH", "beta.search"],
    ["a class instance", { set: { note: new Date(0) } }, "TYPE_MISMATCH", "note"],
    ["a string too long", { set: { plan: "x".repeat(65_537) } }, "TYPE_MISMATCH", "plan"],
    [
      "the same flag twice",
      { set: { beta: { search: true }, "beta.search": false } },
      "INVALID_PATCH",
      "beta.search",
    ],
    ["a flag set and unset", { set: { plan: "x" }, unset: ["plan"] }, "INVALID_PATCH", "plan"],
    [
      "a flag set, its branch unset",
      { set: { beta: { sync: true } }, unset: ["beta"] },
      "INVALID_PATCH",
      "beta.sync",
    ],
    ["an unknown path to unset", { unset: ["limits.maxSeat"] }, "UNKNOWN_PATH", "limits.maxSeat"],
    ["an empty path to unset", { unset: [""] }, "UNKNOWN_PATH", ""],
    ["a prototype to unset", { unset: ["__proto__"] }, "UNKNOWN_PATH", "__proto__"],
    ["no object to set", { set: null }, "INVALID_PATCH", ""],
    ["a list to set", { set: [["plan", "x"]] }, "INVALID_PATCH", ""],
    ["a string to set", { set: "plan" }, "INVALID_PATCH", ""],
    ["a string to unset", { unset: "plan" }, "INVALID_PATCH", undefined],
    ["a number among the paths to unset", { unset: [5] }, "INVALID_PATCH", undefined],
    ["null to unset", { unset: null }, "INVALID_PATCH", undefined],
    ["null", null, "INVALID_PATCH", undefined],
    ["a string", "plan", "INVALID_PATCH", undefined],
  ])("refuses %s, naming the path", (_, input, code, path) => {
    const refused = refusal(input);
    expect([refused.code, refused.path]).toEqual([code, path]);
    expect(refused.message).toMatch(/^["A-Z].*[.?]$/);
  });

  it("says what was probably meant", () => {
    expect(refusal({ set: { limits: { maxSeat: 5 } } }).message).toBe(
      'There is no flag "limits.maxSeat". Did you mean "limits.maxSeats"?',
    );
    expect(refusal({ set: { serch: true } }).message).not.toContain('"serch"?');
  });

  it.each([
    ["an unknown branch", { set: nestedObject(5_000) }],
    ["a known branch", { set: nestedObject(5_000, "limits") }],
    ["a boolean", { set: { beta: { search: nestedObject(5_000) } } }],
    ["a list", { set: { limits: { regions: nestedList(5_000) } } }],
    ["an open record", { set: { labels: nestedObject(5_000) } }],
    ["a flag of any type", { set: { note: nestedList(5_000) } }],
    ["a circle in an open record", { set: { labels: circle() } }],
    ["a circle of branches", { set: circle() }],
  ])("refuses a depth bomb in %s without running out of stack", (_, input) => {
    expect(["UNKNOWN_PATH", "TYPE_MISMATCH", "PATCH_TOO_LARGE"]).toContain(refusal(input).code);
  });

  it("takes a patch of 256 KiB and refuses one that is larger", () => {
    const regions = (count: number) => ({
      set: { limits: { regions: Array(count).fill("x".repeat(1_020)) } },
    });
    expect(parse(regions(255)).set.size).toBe(1);
    expect(refusal(regions(257))).toMatchObject({ code: "PATCH_TOO_LARGE" });
    const wide = { set: { limits: { regions: Array(255).fill("\u5b57".repeat(1_020)) } } };
    expect(refusal(wide)).toMatchObject({ code: "PATCH_TOO_LARGE" });
  });
});

describe("applyPatch", () => {
  it("sets and takes out leaves, keeps the rest, and what it does not know too", () => {
    const patch = parse({ set: { limits: { maxSeats: 9 } }, unset: ["beta"] });
    const stored = { limits: { minSeats: 2 }, beta: { search: true }, removed: { long: "ago" } };
    expect(applyPatch(stored, patch)).toEqual({
      limits: { minSeats: 2, maxSeats: 9 },
      removed: { long: "ago" },
    });
    expect(stored.beta).toEqual({ search: true });
  });

  it("replaces what is stored where it is no object", () => {
    const patch = parse({ set: { limits: { maxSeats: 9 } } });
    for (const stored of [null, "text", 5, [1], undefined]) {
      expect(applyPatch(stored, patch)).toEqual({ limits: { maxSeats: 9 } });
    }
    expect(applyPatch({ limits: "text" }, patch)).toEqual({ limits: { maxSeats: 9 } });
  });

  it("gives back what was there when a new flag is set and unset again", () => {
    const flags = fc.record(
      {
        plan: fc.string({ unit: "grapheme" }),
        limits: fc.record({ maxSeats: fc.nat() }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(flags, fc.nat(), (stored, minSeats) => {
        const before = applyPatch({}, parse({ set: stored }));
        const set = applyPatch(before, parse({ set: { limits: { minSeats } } }));
        expect(applyPatch(set, parse({ unset: ["limits.minSeats"] }))).toEqual(before);
      }),
    );
  });
});
