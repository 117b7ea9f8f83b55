import { isFlagObject } from "../../../lib/feature-flags/core/paths.ts";
import type { FlagObject, FlagValue } from "../../../lib/feature-flags/core/types.ts";
import type { SeededRandom } from "../seeded-random.ts";
import { LEAF_PATHS } from "./mutant-flags.ts";

/** What a hand may have put where an override's JSON belongs. */
export interface FlagMutation {
  readonly what: string;
  /** Text; or bytes that are none. */
  readonly stored: string | Uint8Array;
}

type Mutator = (flags: FlagObject, random: SeededRandom) => FlagMutation;

/** The most a string leaf takes, in characters. */
const STRING_LIMIT = 64 * 1024;
/** The most an override takes, in bytes. */
const OVERRIDE_LIMIT = 1024 * 1024;

/** One in so many is large. */
const LARGE_EVERY = 20;

const WRONG_VALUES: readonly FlagValue[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, "", " ", "true", "1", "a\nb", "\u202e", "🙂"],
  ...[[], [null], [1, "a"], [["eu"]], {}, { a: 1 }, { a: { b: [] } }],
];
const NUMBERS = [
  "1e400",
  "-1e400",
  "1e308",
  "-0",
  "9007199254740993",
  "NaN",
  "Infinity",
  "01",
  "+1",
  "0x10",
  "1.",
  "1e",
];
const RESERVED = ["__proto__", "constructor", "prototype"];
const BRANCHES = ["limits", "beta", "beta.inner"];

export function mutateFlags(flags: FlagObject, random: SeededRandom): FlagMutation {
  const mutators = random.below(LARGE_EVERY) === 0 ? LARGE_MUTATORS : MUTATORS;
  return random.pick(mutators)(flags, random);
}

/** A string leaf so long that the whole override is 100 times what may be stored. */
export function hugeFlags(flags: FlagObject): FlagMutation {
  return {
    what: "100 times the limit",
    stored: JSON.stringify({ ...flags, plan: "x".repeat(100 * OVERRIDE_LIMIT) }),
  };
}

const MUTATORS: readonly Mutator[] = [
  (_, { pick }) => text("blank", pick(["", " ", "\n", "\t", "\u00a0"])),
  (_, { pick }) =>
    text("no object", pick(["null", "true", "0", "-1.5", '"text"', '""', "[]", "[{}]", '["plan"]'])),
  () => text("nothing set", "{}"),
  (flags, { below }) => {
    const whole = JSON.stringify(flags);
    return text("cut short", whole.slice(0, below(whole.length)));
  },
  (flags, { below }) => {
    const whole = JSON.stringify(flags);
    const at = below(whole.length);
    return text(
      "another character",
      whole.slice(0, at) + String.fromCharCode(below(128)) + whole.slice(at + 1),
    );
  },
  (flags, { pick }) =>
    text(
      "dressed",
      pick(["\ufeff@", "// flags\n@", "@,", "@@", "(@)", "'@'"]).replaceAll("@", JSON.stringify(flags)),
    ),
  (flags, { pick }) =>
    text("another value at a leaf", JSON.stringify(put(flags, pick(LEAF_PATHS), pick(WRONG_VALUES)))),
  (flags, { pick }) =>
    text("another value at a leaf", JSON.stringify(put(flags, pick(LEAF_PATHS), pick(WRONG_VALUES)))),
  (flags, { pick }) =>
    text("a value at a branch", JSON.stringify(put(flags, pick(BRANCHES), pick(WRONG_VALUES)))),
  (flags, { pick }) =>
    raw(flags, "a number", pick(["limits.seats", "plan", "labels.a", "unknown"]), pick(NUMBERS)),
  (flags, { pick }) => {
    const path = pick([
      "unknown",
      "limits.unknown",
      "beta.inner.unknown",
      "plan.unknown",
      "",
      "toString",
      "beta.hasOwnProperty",
    ]);
    return text("an unknown path", JSON.stringify(put(flags, path, pick(WRONG_VALUES))));
  },
  (flags, { pick }) => {
    const path = pick([
      "Plan",
      "plan ",
      " plan",
      "pla\u200bn",
      "limits.Seats",
      "BETA.search",
      "beta.inner.déep",
    ]);
    return text("a misspelt path", JSON.stringify(put(flags, path, pick(WRONG_VALUES))));
  },
  (flags, { pick }) =>
    text(
      "a key with dots",
      JSON.stringify({ ...flags, [pick(["limits.seats", "beta.inner.deep", "."])]: 7 }),
    ),
  (flags, { pick }) => {
    const depth = pick([32, 33, 100, 1_000, 10_000, 100_000]);
    const [open, close] = pick([
      ["[", "]"],
      ['{"a":', "}"],
    ] as const);
    const nested = `${open.repeat(depth)}${open === "[" ? "" : "1"}${close.repeat(depth)}`;
    return raw(
      flags,
      `nested ${depth} deep`,
      pick(["unknown", "labels", "note", "limits", "limits.regions", "beta.inner"]),
      nested,
    );
  },
  (flags, { pick }) => {
    const [first, last] = pick([
      ["1", '"team"'],
      ['"team"', "1"],
    ] as const);
    return text("a key twice", `{"plan":${first},${JSON.stringify(flags).slice(1, -1)},"plan":${last}}`);
  },
  (flags, { pick }) => {
    const key = pick(RESERVED);
    const value = pick([
      '{"polluted":true}',
      "true",
      "null",
      '{"plan":1}',
      '{"__proto__":{"polluted":true}}',
    ]);
    const path = pick(["", "limits.", "beta.inner.", "labels.", "note."]);
    return raw(flags, `the key ${key}`, `${path}${key}`, value);
  },
  (flags, { pick }) =>
    raw(
      flags,
      "text that is none",
      pick(["plan", "note", "labels.a", "unknown"]),
      pick(['"\\ud800"', '"\\u0000"', '"\\udc00\\ud800"']),
    ),
  (flags, { pick }) => {
    const marked = Buffer.from(JSON.stringify(put(flags, "plan", "@")));
    marked[marked.indexOf("@")] = pick([0xff, 0x80, 0xc3]);
    return { what: "bytes that are no text", stored: marked };
  },
];

/** Each takes a hundred times as long to try as those above. */
const LARGE_MUTATORS: readonly Mutator[] = [
  (flags, { pick }) => {
    const path = pick(["plan", "note", "labels.a", "unknown"]);
    return text(
      "a string 100 times too long",
      JSON.stringify(put(flags, path, "x".repeat(100 * STRING_LIMIT))),
    );
  },
  (flags, { pick }) => {
    const size = JSON.stringify(flags).length;
    const many = Object.fromEntries(Array.from({ length: 20 * size }, (_, index) => [`key_${index}`, index]));
    return text(
      "100 times the size",
      JSON.stringify(put(flags, pick(["unknown", "labels", "limits.more"]), many)),
    );
  },
  (flags, { below }) => {
    const keys = Object.fromEntries(
      Array.from({ length: 500 + below(2_000) }, (_, index) => [`key_${index}`, null]),
    );
    return text("a great many unknown paths", JSON.stringify({ ...flags, ...keys }));
  },
  (flags) => text("a very long key", JSON.stringify({ ...flags, ["k".repeat(STRING_LIMIT)]: true })),
  (flags, { pick }) => {
    const items: FlagValue[] = Array.from({ length: 20_000 }, (_, index) => `region_${index}`);
    if (pick([true, false])) items.push(17);
    return text("a very long list", JSON.stringify(put(flags, "limits.regions", items)));
  },
];

function text(what: string, stored: string): FlagMutation {
  return { what, stored };
}

/** JSON as a hand writes it, and `JSON.stringify` would not. */
function raw(flags: FlagObject, what: string, path: string, json: string): FlagMutation {
  // A replacement text would be searched for "$".
  return text(
    what,
    JSON.stringify(put(flags, path, "@raw@")).replace('"@raw@"', () => json),
  );
}

/** A copy with the value at the path, whatever is in the way. */
function put(flags: FlagObject, path: string, value: FlagValue): FlagObject {
  const [head = "", ...rest] = path.split(".");
  const below = Object.hasOwn(flags, head) ? flags[head] : undefined;
  const inner = rest.length === 0 ? value : put(isFlagObject(below) ? below : {}, rest.join("."), value);
  // Not by assignment: that would set the prototype where the key is "__proto__".
  return Object.fromEntries([...Object.entries(flags).filter(([key]) => key !== head), [head, inner]]);
}
