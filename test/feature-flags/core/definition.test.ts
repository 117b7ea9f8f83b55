import { describe, expect, it } from "vitest";
import { defineFlags } from "../../../lib/feature-flags/core/definition.ts";
import { FlagError } from "../../../lib/feature-flags/core/errors.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { planFlags } from "../plan-flags.ts";

/** The error of `define`, which has to throw one. */
function refusal(define: () => unknown): FlagError {
  try {
    define();
  } catch (error) {
    if (error instanceof FlagError) return error;
    throw error;
  }
  throw new Error("The definition was taken.");
}

const defaults = { beta: { search: false, sync: false }, limits: { seats: 5 } };

/** JSON that the types would not let through. */
function parsed(json: string) {
  return JSON.parse(json);
}

describe("defineFlags", () => {
  it("knows the config of each environment, and the defaults' for any other name", () => {
    const definition = planFlags();
    expect(definition.environments).toEqual(["staging"]);
    expect(definition.environment("staging").config).toMatchObject({ plan: "trial", beta: { search: true } });
    expect(definition.environment("staging").overlay).toEqual({ beta: { search: true }, plan: "trial" });
    for (const name of ["production", "", "Staging", "__proto__", "constructor", "toString"]) {
      expect(definition.environment(name).config).toBe(definition.defaults);
      expect(definition.environment(name).overlay).toEqual({});
    }
  });

  it("resolves by cascade unless told otherwise", () => {
    expect(defineFlags({ defaults }).resolution).toBe("cascade");
    expect(defineFlags({ defaults, resolution: "first-match" }).resolution).toBe("first-match");
  });

  it("keeps nothing of what it was given that could still be changed", () => {
    const given = { list: [["a"]], deep: { er: { on: true } } };
    const overlay = { list: [["b"]] };
    const onDescription = { label: "On", browser: false };
    const definition = defineFlags({
      defaults: Object.freeze(given),
      environments: { test: overlay },
      describe: { "deep.er.on": onDescription },
    });
    onDescription.browser = true;
    expect(definition.describe("deep.er.on").browser).toBe(false);
    given.deep.er.on = false;
    given.list[0]?.push("spoiled");
    overlay.list[0]?.push("spoiled");
    expect(definition.defaults).toEqual({ list: [["a"]], deep: { er: { on: true } } });
    expect(definition.environment("test").config.list).toEqual([["b"]]);
    expect(changeablePlaces(definition.defaults)).toEqual([]);
    expect(changeablePlaces(definition.environment("test"))).toEqual([]);
    expect(changeablePlaces(definition.leaf("deep.er.on"))).toEqual([]);
  });

  it.each([
    ["no flags at all", () => defineFlags({ defaults: {} }), undefined],
    ["a list for defaults", () => defineFlags({ defaults: [1] }), undefined],
    [
      "an environment with an unknown path",
      () => defineFlags({ defaults, environments: parsed('{"test":{"beta":{"serch":true}}}') }),
      "beta.serch",
    ],
    [
      "an environment with a wrong type",
      () => defineFlags({ defaults, environments: parsed('{"test":{"limits":{"seats":"5"}}}') }),
      "limits.seats",
    ],
    [
      "an environment with a value for a branch",
      () => defineFlags({ defaults, environments: parsed('{"test":{"limits":5}}') }),
      "limits",
    ],
    [
      "an environment with a dotted key",
      () => defineFlags({ defaults, environments: parsed('{"test":{"limits.seats":5}}') }),
      "limits.seats",
    ],
    [
      "an environment that is null",
      () => defineFlags({ defaults, environments: parsed('{"test":null}') }),
      undefined,
    ],
    [
      "an environment that breaks a rule",
      () =>
        defineFlags({
          defaults,
          environments: { test: { beta: { sync: true } } },
          rules: [{ path: "beta.sync", needs: ["beta.search"] }],
        }),
      "beta.sync",
    ],
    [
      "defaults that break a rule",
      () =>
        defineFlags({
          defaults: { a: true, b: false },
          rules: [{ path: "a", needs: ["b"] }],
        }),
      "a",
    ],
    [
      "a rule about an unknown path",
      () => defineFlags({ defaults, rules: parsed('[{"path":"beta.sink","needs":[]}]') }),
      "beta.sink",
    ],
    [
      "a rule that needs an unknown path",
      () => defineFlags({ defaults, rules: parsed('[{"path":"beta.sync","needs":["beta"]}]') }),
      "beta",
    ],
    [
      "a description of an unknown path",
      () => defineFlags({ defaults, describe: parsed('{"beta.serch":{"label":"x"}}') }),
      "beta.serch",
    ],
    ["nothing", () => defineFlags(parsed("null")), undefined],
    [
      "flags without `defaults` around them",
      () => defineFlags(parsed('{"beta":{"search":false}}')),
      undefined,
    ],
    ["a list of environments", () => defineFlags({ defaults, environments: parsed('["test"]') }), undefined],
    [
      "rules that are no list",
      () => defineFlags({ defaults, rules: parsed('{"path":"beta.sync"}') }),
      undefined,
    ],
    ["a rule that is none", () => defineFlags({ defaults, rules: parsed("[null]") }), undefined],
    ["a rule without a path", () => defineFlags({ defaults, rules: parsed('[{"needs":[]}]') }), undefined],
    [
      "a rule that neither needs nor checks",
      () => defineFlags({ defaults, rules: parsed('[{"path":"beta.sync"}]') }),
      "beta.sync",
    ],
    [
      "a rule that needs no list",
      () => defineFlags({ defaults, rules: parsed('[{"path":"beta.sync","needs":"beta.search"}]') }),
      "beta.sync",
    ],
    [
      "a rule without a message",
      () =>
        defineFlags({ defaults, rules: [{ path: "beta.sync", check: () => true, message: parsed("null") }] }),
      "beta.sync",
    ],
    [
      "a schema that is none",
      () => defineFlags({ defaults, schema: parsed('{"type":"object"}') }),
      undefined,
    ],
    ["an unknown resolution", () => defineFlags({ defaults, resolution: parsed('"firstMatch"') }), undefined],
  ])("refuses %s, naming the path", (_, define, path) => {
    const error = refusal(define);
    expect([error.code, error.path]).toEqual(["DEFINITION_INVALID", path]);
    expect(error.message).not.toMatch(/undefined|null|""|Cannot read|is not a function/);
  });

  it("names the environment and what may have been meant", () => {
    const { message } = refusal(() =>
      defineFlags({ defaults, environments: parsed('{"qa":{"beta":{"serch":true}}}') }),
    );
    expect(message).toContain('"qa"');
    expect(message).toContain('Did you mean "beta.search"?');
  });

  it("finds leaves by path and by branch, and refuses what it does not know", () => {
    const definition = defineFlags({ defaults });
    expect(definition.leavesUnder("beta").map(({ path }) => path)).toEqual(["beta.search", "beta.sync"]);
    expect(definition.leavesUnder("limits.seats").map(({ path }) => path)).toEqual(["limits.seats"]);
    for (const path of ["", "bet", "beta.", "beta.search.x", "__proto__", "constructor", "toString"]) {
      expect(refusal(() => definition.leavesUnder(path)).code).toBe("UNKNOWN_PATH");
      expect(refusal(() => definition.leaf(path)).code).toBe("UNKNOWN_PATH");
    }
  });

  it("describes every path: as told, else by its name, and for browsers only if told so", () => {
    const definition = defineFlags({
      defaults: { beta: { searchBar: false, dark_mode: false } },
      describe: { "beta.searchBar": { label: "Search", text: "The bar on top.", browser: true } },
    });
    expect(definition.describe("beta.searchBar")).toEqual({
      label: "Search",
      text: "The bar on top.",
      browser: true,
    });
    expect(definition.describe("beta.dark_mode")).toEqual({
      label: "Dark mode",
      text: undefined,
      browser: false,
    });
    expect(definition.describe("constructor").browser).toBe(false);
  });

  it("takes a flag that is named like something objects inherit", () => {
    const definition = defineFlags({ defaults: { toString: false, hasOwnProperty: { valueOf: 1 } } });
    expect([...definition.leaves.keys()]).toEqual(["toString", "hasOwnProperty.valueOf"]);
  });
});
