import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../lib/server/flag-server.ts";
import { readJsonBody } from "../../lib/server/json-body.ts";

const URL = "http://localhost/";
const limits = { ...DEFAULT_LIMITS, bodyBytes: 1000 };

function post(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream | null,
  headers: Record<string, string> = {},
): Request {
  return new Request(URL, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  });
}

function stream(pull: (controller: ReadableStreamDefaultController<Uint8Array>) => void): ReadableStream {
  return new ReadableStream({ pull });
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("readJsonBody", () => {
  it.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
  ])("reads JSON sent as %s", async (type) => {
    expect(await readJsonBody(post('{"a":[1,null]}', { "content-type": type }), limits)).toEqual({
      a: [1, null],
    });
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "application/jsonp",
    "application/json; charset=latin1",
    "application/json, text/plain",
    "",
  ])("refuses the content type %j", async (type) => {
    const refused = refusal("UNSUPPORTED_MEDIA_TYPE", /Content-Type: application\/json/);
    await expect(readJsonBody(post("{}", { "content-type": type }), limits)).rejects.toEqual(refused);
  });

  it("refuses a compressed body: a small one could unpack to anything", async () => {
    const refused = refusal("UNSUPPORTED_MEDIA_TYPE", /Content-Encoding/);
    await expect(readJsonBody(post("{}", { "content-encoding": "gzip" }), limits)).rejects.toEqual(refused);
    expect(await readJsonBody(post("{}", { "content-encoding": "identity" }), limits)).toEqual({});
  });

  it("takes a body of exactly the limit and refuses one byte more", async () => {
    const exactly = `"${"x".repeat(998)}"`;
    expect(await readJsonBody(post(exactly), limits)).toHaveLength(998);
    await expect(readJsonBody(post(`${exactly} `), limits)).rejects.toEqual(
      refusal("PATCH_TOO_LARGE", /1000 bytes/),
    );
  });

  it("counts bytes, not characters", async () => {
    const text = `"${"é".repeat(600)}"`;
    await expect(readJsonBody(post(text), limits)).rejects.toEqual(refusal("PATCH_TOO_LARGE", /1000 bytes/));
  });

  it("stops reading a body without an announced length as soon as it passes the limit", async () => {
    let sent = 0;
    const endless = stream((controller) => {
      sent += 100;
      controller.enqueue(new Uint8Array(100).fill(0x20));
    });
    await expect(readJsonBody(post(endless), limits)).rejects.toEqual(
      refusal("PATCH_TOO_LARGE", /1000 bytes/),
    );
    expect(sent).toBeLessThan(1500);
  });

  it("refuses a body by its announced length without reading it", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({ pull: () => void pulled++ }, { highWaterMark: 0 });
    const request = post(body, { "content-length": "1001" });
    await expect(readJsonBody(request, limits)).rejects.toEqual(refusal("PATCH_TOO_LARGE", /1000 bytes/));
    expect(pulled).toBe(0);
  });

  it("says so when the body breaks off", async () => {
    const broken = stream((controller) => controller.error(new Error("socket gone")));
    await expect(readJsonBody(post(broken), limits)).rejects.toEqual(
      refusal("MALFORMED_REQUEST", /broke off/),
    );
  });

  it("says so when the body was read before", async () => {
    const request = post("{}");
    await request.text();
    await expect(readJsonBody(request, limits)).rejects.toEqual(refusal("MALFORMED_REQUEST", /already read/));
  });

  it.each([
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["a surrogate written as UTF-8", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["latin-1", [0x22, 0xe9, 0x22]],
    ["a cut sequence", [0x22, 0xe2, 0x82]],
    ["UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])("refuses bytes that are no UTF-8: %s", async (_what, bytes) => {
    await expect(readJsonBody(post(new Uint8Array(bytes)), limits)).rejects.toEqual(
      refusal("MALFORMED_REQUEST", /UTF-8/),
    );
  });

  it("reads a body with a byte order mark, as Windows tools write it", async () => {
    expect(await readJsonBody(post("\ufeff{}"), limits)).toEqual({});
  });

  it.each(["{", "{]", "{'a':1}", "{a:1}", "[1,]", "01", "1 2", "undefined", "NaN", "tru", "{} //"])(
    "refuses %j as malformed",
    async (text) => {
      await expect(readJsonBody(post(text), limits)).rejects.toEqual(refusal("MALFORMED_REQUEST", /JSON/));
    },
  );

  it.each([[null], [""], ["  \n"]])("refuses the empty body %j", async (body) => {
    await expect(readJsonBody(post(body), limits)).rejects.toEqual(refusal("MALFORMED_REQUEST", /empty/));
  });

  it("scans before it parses", async () => {
    await expect(readJsonBody(post('{"__proto__":{"x":1}}'), limits)).rejects.toEqual(
      refusal("MALFORMED_REQUEST", /reserved/),
    );
  });
});
