/** Ids that are valid and that something on the way may take for another one, or for something else. */
export const HOSTILE_IDS: readonly string[] = Object.freeze([
  ...["org_1", "org_12", "org_1 ", " org_1", "ORG_1", "Org_1", "org-1", "orgX1", "org_1%", "org\\_1"],
  ...[
    "%",
    "_",
    "%_%",
    "*",
    "?",
    "$1",
    ":id",
    "@p1",
    "#",
    "\\",
    "/",
    "a/b",
    "a.b",
    "a:b",
    "a|b",
    "a,b",
    "a b",
  ],
  ..."'|''|\"|`|o'brien|\"quoted\"|'; DROP TABLE customer_feature_flags; --|x' OR '1'='1".split("|"),
  ...["null", "undefined", "NaN", "true", "0", "00", "-0", "-1", "1e3", "1000", "{}", "[]", "..", "../../x"],
  ...["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "valueOf", "__defineGetter__"],
  // Composed and decomposed; case pairs that fold in surprising ways.
  ...["caf\u00e9", "cafe\u0301", "\u00df", "SS", "ss", "\u0130", "i", "I", "\u0131", "\u00c5", "\u212b"],
  // Above U+FFFF and just below it: UTF-16 order and code point order disagree here.
  ...["\u{1f600}", "\uff21", "\ufffd", "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}", "\u{10ffff}", "\ue000"],
  ...["\u202eabc", "\u200b", "a\u200bb", "ab", "\ufeffab", "\u2028", "\u00a0", " ", "  "],
  ...["x".repeat(255), `${"x".repeat(254)}y`, "\u5b57".repeat(255), "\u{1f600}".repeat(127)],
]);

/** Below 0 where `left` comes before `right` by code points, the order in which storages list ids. */
export function byCodePoint(left: string, right: string): number {
  const lefts = [...left];
  const rights = [...right];
  const place = lefts.findIndex((character, index) => character !== rights[index]);
  if (place === -1) return lefts.length - rights.length;
  return (lefts[place]?.codePointAt(0) ?? 0) - (rights[place]?.codePointAt(0) ?? -1);
}
