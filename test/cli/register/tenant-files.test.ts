import { describe, expect, it } from "vitest";
import { readCsvLines } from "../../../lib/cli/register/csv-lines.ts";
import { readJsonLines } from "../../../lib/cli/register/json-lines.ts";
import type { TenantKind, TenantLine } from "../../../lib/cli/register/tenant-line.ts";
import { chunks } from "../recording-host.ts";

async function all(lines: AsyncIterable<TenantLine>): Promise<TenantLine[]> {
  const found: TenantLine[] = [];
  for await (const line of lines) found.push(line);
  return found;
}
const jsonLines = (text: string | Uint8Array, kind: TenantKind = "customers") =>
  all(readJsonLines(chunks(text), kind));
const csv = (text: string | Uint8Array, kind: TenantKind = "customers") =>
  all(readCsvLines(chunks(text), kind));
const flaw = (line: number, message: RegExp) => ({ line, flaw: expect.stringMatching(message) });

describe("readJsonLines", () => {
  it("reads a tenant per line, whatever ends the lines, and passes over blank ones", async () => {
    const text =
      '{"id":"c1","organizationId":"o1","name":"Äda \u{1f600}","attributes":{"plan":"pro","seats":5,"vip":true,"x":null}}\r\n\n  \n{"id":"c2","name":null}';
    expect(await jsonLines(text)).toEqual([
      {
        line: 1,
        record: {
          id: "c1",
          organizationId: "o1",
          name: "Äda \u{1f600}",
          attributes: { plan: "pro", seats: 5, vip: true, x: null },
        },
      },
      { line: 4, record: { id: "c2" } },
    ]);
  });

  it("reads a byte order mark as none, and an empty file as nobody", async () => {
    expect(await jsonLines('\ufeff{"id":"c1"}\n')).toEqual([{ line: 1, record: { id: "c1" } }]);
    expect(await jsonLines("")).toEqual([]);
  });

  it.each([
    ["{", /not valid JSON/],
    ["[]", /not a JSON object/],
    ['"c1"', /not a JSON object/],
    ['{"name":"x"}', /customer id is empty/],
    ['{"id":""}', /customer id is empty/],
    ['{"id":7}', /customer id must be a string/],
    [`{"id":"${"x".repeat(256)}"}`, /256 characters/],
    [String.raw`{"id":"a\nb"}`, /control characters/],
    [String.raw`{"id":"\ud800"}`, /surrogate/],
    ['{"id":"a","organization":"b"}', /Unknown field "organization"/],
    ['{"id":"a","organizationId":""}', /organization id is empty/],
    ['{"id":"a","name":7}', /name must be a string/],
    [`{"id":"a","name":"${"x".repeat(1001)}"}`, /more than 1000/],
    ['{"id":"a","attributes":[1]}', /attributes must be an object/],
    ['{"id":"a","attributes":{"b":{"c":1}}}', /attribute "b" must be/],
    ['{"id":"a","attributes":{"__proto__":1}}', /reserved key/],
    ['{"id":"a","id":"b"}', /twice/],
    ['{"id":"a","attributes":{"n":1e999}}', /too large/],
  ])("says what is wrong with %s, and reads on", async (text, message) => {
    expect(await jsonLines(`{"id":"before"}\n${text}\n{"id":"after"}`)).toEqual([
      { line: 1, record: { id: "before" } },
      flaw(2, message),
      { line: 3, record: { id: "after" } },
    ]);
  });

  it("says so of bytes that are no UTF-8", async () => {
    const latin1 = Buffer.from('{"id":"a"}\n{"id":"\u00e4"}\n', "latin1");
    expect(await jsonLines(latin1)).toEqual([{ line: 1, record: { id: "a" } }, flaw(2, /UTF-8/)]);
  });

  it("gives up on a line without end instead of keeping it", async () => {
    const endless = (async function* () {
      yield new TextEncoder().encode('{"id":"a"}\n');
      while (true) yield new Uint8Array(64 * 1024).fill(0x78);
    })();
    expect(await all(readJsonLines(endless, "customers"))).toEqual([
      { line: 1, record: { id: "a" } },
      { ...flaw(2, /over 1048576 bytes/), last: true },
    ]);
  });

  it("lets an organization have no organization", async () => {
    expect(await jsonLines('{"id":"a","organizationId":"b"}', "organizations")).toEqual([
      flaw(1, /Unknown field "organizationId". The fields are id, name, attributes/),
    ]);
  });
});

describe("readCsvLines", () => {
  it("reads its columns from the first line, other columns as attributes, empty values as absent", async () => {
    const text =
      '\ufeffid,organizationId,name,plan\r\nc1,o1,"Ada, ""the first""",pro\r\n\r\nc2,,,\r\nc3,o1,"two\nlines",\r\n';
    expect(await csv(text)).toEqual([
      {
        line: 2,
        record: { id: "c1", organizationId: "o1", name: 'Ada, "the first"', attributes: { plan: "pro" } },
      },
      { line: 4, record: { id: "c2" } },
      flaw(6, /name holds control characters/),
    ]);
  });

  it("takes an organizationId for an attribute of an organization", async () => {
    expect(await csv("id,organizationId\no1,parent\n", "organizations")).toEqual([
      { line: 2, record: { id: "o1", attributes: { organizationId: "parent" } } },
    ]);
  });

  it.each([
    ["name,plan\na,b\n", /must name the columns, "id" among them/],
    ["id,name,name\na,b,c\n", /"name" is there twice/],
    ["id,,name\na,b,c\n", /column has no name/],
    ["c1,o1\nc2,o1\n", /"id" among them/],
  ])("stops at a first line that is no header: %j", async (text, message) => {
    expect(await csv(text)).toEqual([{ ...flaw(1, message), last: true }]);
  });

  it("tells lines with too few or too many values, and reads on", async () => {
    expect(await csv("id,name\nc1\nc2,b,c\nc3,d\n")).toEqual([
      flaw(2, /1 values for 2 columns/),
      flaw(3, /3 values for 2 columns/),
      { line: 4, record: { id: "c3", name: "d" } },
    ]);
  });

  it("tells a quote inside a value, and reads on", async () => {
    expect(await csv('id,name\nc1,5" disk\nc2,b\n')).toEqual([
      { ...flaw(2, /quote inside a value/), last: false },
      { line: 3, record: { id: "c2", name: "b" } },
    ]);
  });

  it("stops at broken quotes, where good lines may have gone into the bad one", async () => {
    const found = await csv('id,name\nc1,a\nc2,"ok" junk\nc3,b\nc4,"he said ""hi"""\nc5,c\n');
    expect(found).toEqual([
      { line: 2, record: { id: "c1", name: "a" } },
      { ...flaw(3, /Broken quotes/), last: true },
    ]);
  });

  it("tells a quote that is never closed", async () => {
    const found = await csv('id,name\nc1,a\nc2,"open\nc3,b\nc4,c\n');
    expect(found[0]).toEqual({ line: 2, record: { id: "c1", name: "a" } });
    expect(found.slice(1)).toEqual([{ ...flaw(5, /Broken quotes/), last: true }]);
  });

  it("tells bytes that are no UTF-8", async () => {
    expect(await csv(Buffer.from("id,name\nc1,J\u00fcrgen\n", "latin1"))).toEqual([flaw(2, /U\+FFFD/)]);
  });

  it("passes on that the file cannot be read further", async () => {
    const broken = (async function* () {
      yield new TextEncoder().encode("id,name\nc1,a\n");
      throw new Error("disk gone");
    })();
    await expect(all(readCsvLines(broken, "customers"))).rejects.toThrow("disk gone");
  });
});
