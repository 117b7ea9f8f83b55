import { describe, expect, it } from "vitest";
import { printable } from "../../lib/cli/printable.ts";

describe("printable", () => {
  it.each([
    ["a\nb", "a\\u000ab"],
    ["\u001b[2J", "\\u001b[2J"],
    ["\u009b31m", "\\u009b31m"],
    ["a\u202eb", "a\\u202eb"],
    ["a\u2028b\u2029c", "a\\u2028b\\u2029c"],
    ["\u{e0041}", "\\udb40\\udc41"],
    ["\ud800", "\\ud800"],
    ["\ufeff\u200b", "\\ufeff\\u200b"],
  ])("spells out what is not seen in %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("leaves text of any language alone", () => {
    for (const text of ["plain text", "Ärger \u00a0 東京 עברית", "\u{1f600}"])
      expect(printable(text)).toBe(text);
  });
});
