import type { FlagObject, FlagValue } from "../../feature-flags/core/types.ts";

function nested(depth: number): FlagValue {
  let value: FlagValue = ["innermost"];
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { below: value } : [value, level];
  return value;
}

/** Values that a column type, a parser or a query builder may change on the way. */
export const DIFFICULT_VALUES: FlagObject = Object.freeze({
  yes: true,
  no: false,
  nothing: null,
  zero: 0,
  fraction: 0.1,
  negative: -1.5e-7,
  huge: 1e21,
  largest: Number.MAX_VALUE,
  smallest: Number.MIN_VALUE,
  largestSafe: Number.MAX_SAFE_INTEGER,
  text: "",
  digits: "007",
  wordNull: "null",
  wordTrue: "true",
  json: '{"not":"parsed"}',
  unicode: "caf\u00e9 cafe\u0301 \u{1f600} \u5b57 \u202e \u200b \ufeff \u2028\u2029",
  quotes: "' \" ` \\ \\\\ \\u0041 $1 ? :name %_ ; --",
  lines: "a\r\nb\tc\u0001\u001f\u007f",
  date: "2025-01-02T03:04:05.678Z",
  emptyList: [],
  emptyObject: {},
  list: [0, "0", null, false, [], {}],
  nested: [[1, [2, [3, [null, { deep: [{}] }]]]], { list: [] }],
  deep: nested(20),
  keys: {
    "": 1,
    " ": 2,
    "a.b": 3,
    "'": 4,
    '"': 5,
    "0": 6,
    toString: 7,
    "\u043a\u043b\u044e\u0447": 8,
    "\u{1f600}": 9,
  },
});
