import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JsonLimits, scanJson } from "../../lib/server/json-scanner.ts";

const limits: JsonLimits = { depth: 32, keys: 10_000, keyLength: 256, stringLength: 65_536 };
const scan =
  (text: string, changed: Partial<JsonLimits> = {}) =>
  () =>
    scanJson(text, { ...limits, ...changed });
const nested = (levels: number, open: string, close: string, inner = "1") =>
  open.repeat(levels) + inner + close.repeat(levels);

describe("scanJson", () => {
  it("passes everything that JSON.stringify writes within the limits", () => {
    const text = JSON.stringify({
      a: [1, -2.5e-3, 0, null, true, "x"],
      b: { c: { d: [] }, e: {} },
      'quote"d \\ key': "line\nbreak \u{1f600}",
      limit: Number.MAX_SAFE_INTEGER,
    });
    expect(scan(text)).not.toThrow();
  });

  it("agrees with JSON.parse that any JSON value is fine, once reserved keys and sizes are out of the way", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "grapheme" }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/__proto__|constructor|prototype|\\u0000/.test(text));
        scanJson(text, limits);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["objects", nested(32, '{"a":', "}"), nested(33, '{"a":', "}")],
    ["arrays", nested(32, "[", "]"), nested(33, "[", "]")],
  ])("takes 32 levels of %s and refuses 33", (_what, fits, tooDeep) => {
    expect(scan(fits)).not.toThrow();
    expect(scan(tooDeep)).toThrow(
      expect.objectContaining({ code: "MALFORMED_REQUEST", message: expect.stringContaining("32 levels") }),
    );
  });

  it("refuses five thousand levels in ten kilobytes", () => {
    expect(scan(nested(5000, "[", "]"))).toThrow(/deeper than 32/);
    expect(scan("[".repeat(200_000))).toThrow(/deeper than 32/);
  });

  it("does not take brackets inside strings for nesting", () => {
    expect(scan(JSON.stringify({ a: "[{".repeat(500) }))).not.toThrow();
    expect(scan(String.raw`{"a":"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}`)).not.toThrow();
  });

  it("refuses a key twice in one object, however it is spelled, and allows it in two", () => {
    expect(scan('{"a":1,"a":2}')).toThrow(/"a" twice/);
    expect(scan('{"a":1,"b":{"c":1,"c":1}}')).toThrow(/"c" twice/);
    expect(scan(String.raw`{"a":1,"\u0061":2}`)).toThrow(/twice/);
    expect(scan('{"a":{"a":{"a":1}},"b":{"a":1}}')).not.toThrow();
    expect(scan('{"a":[{"x":1},{"x":1}],"x":1}')).not.toThrow();
  });

  it.each(["__proto__", "constructor", "prototype"])(
    "refuses %s as a key at any depth, and not as a value",
    (key) => {
      expect(scan(`{"${key}":1}`)).toThrow(/reserved key/);
      expect(scan(`{"a":[{"b":{"${key}":{}}}]}`)).toThrow(/reserved key/);
      expect(scan(`{"a":"${key}"}`)).not.toThrow();
    },
  );

  it("sees through escapes in reserved keys", () => {
    expect(scan(String.raw`{"\u005f\u005fproto__":1}`)).toThrow(/reserved key "__proto__"/);
    expect(scan(String.raw`{"const\u0072uctor":1}`)).toThrow(/reserved key "constructor"/);
  });

  it("counts the keys of all objects together", () => {
    const keys = (count: number) =>
      `[${Array.from({ length: count }, (_, index) => `{"k${index}":0}`).join(",")}]`;
    expect(scan(keys(10), { keys: 10 })).not.toThrow();
    expect(scan(keys(11), { keys: 10 })).toThrow(/more than 10 keys/);
  });

  it("refuses keys and strings over their lengths", () => {
    expect(scan(JSON.stringify({ ["k".repeat(256)]: "v".repeat(65_536) }))).not.toThrow();
    expect(scan(JSON.stringify({ ["k".repeat(257)]: 1 }))).toThrow(/key of more than 256/);
    expect(scan(JSON.stringify(["v".repeat(65_537)]))).toThrow(/string of more than 65536/);
  });

  it("refuses halves of surrogate pairs and NUL, and takes whole pairs", () => {
    expect(scan(String.raw`["\ud83d"]`)).toThrow(/surrogate/);
    expect(scan(String.raw`{"\udc00":1}`)).toThrow(/surrogate/);
    expect(scan(String.raw`["\ude00\ud83d"]`)).toThrow(/surrogate/);
    expect(scan(String.raw`["a\u0000b"]`)).toThrow(/NUL/);
    expect(scan(String.raw`["\ud83d\ude00"]`)).not.toThrow();
  });

  it("refuses numbers that would change when read", () => {
    expect(scan("1e400")).toThrow(/too large/);
    expect(scan('{"a":[-1e309]}')).toThrow(/too large/);
    expect(scan(`[${"9".repeat(400)}]`)).toThrow(/too large/);
    expect(scan("9007199254740993")).toThrow(/lose digits/);
    expect(scan("[9007199254740991, 1e20, 0.1, -0, 1E+2]")).not.toThrow();
    expect(scan('["9007199254740993"]')).not.toThrow();
  });

  it.each(['"', '{"a', '{"a":"\\"', '["\\u12"]', '["\\x"]'])("refuses the broken string in %s", (text) => {
    expect(scan(text)).toThrow(expect.objectContaining({ code: "MALFORMED_REQUEST" }));
  });

  it("survives any text whatever, throwing nothing but MALFORMED_REQUEST", () => {
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0019aeE+-. \n'), maxLength: 60 });
    fc.assert(
      fc.property(noise, (text) => {
        try {
          scanJson(text, limits);
        } catch (error) {
          expect(error).toMatchObject({ code: "MALFORMED_REQUEST" });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
