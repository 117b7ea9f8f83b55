import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonResponse } from "../../lib/server/json-response.ts";

const textOf = (body: object) => jsonResponse(body, 200).text();

describe("jsonResponse", () => {
  it("puts each field on a line, and each item of a list", async () => {
    expect(await textOf({ a: { b: [1] }, list: [{ c: 1 }, { d: [2] }], none: [] })).toBe(
      '{\n  "a": {"b":[1]},\n  "list": [\n    {"c":1},\n    {"d":[2]}\n  ],\n  "none": []\n}\n',
    );
  });

  it("leaves out what is undefined, as JSON does", async () => {
    expect(JSON.parse(await textOf({ a: undefined, b: null, c: [undefined] }))).toEqual({
      b: null,
      c: [null],
    });
    expect(JSON.parse(await textOf({}))).toEqual({});
  });

  it("says the same as JSON.stringify of any body", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (body) => {
        expect(JSON.parse(await textOf(body))).toEqual(JSON.parse(JSON.stringify(body)));
      }),
    );
  });
});
