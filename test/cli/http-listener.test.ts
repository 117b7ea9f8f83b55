import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HttpListener, listen } from "../../lib/cli/http-listener.ts";
import type { FlagServer } from "../../lib/server/index.ts";
import { AUTHORIZED, adminServer, KEY } from "../server/admin-server.ts";
import { pathSpellings } from "../server/path-spellings.ts";

const PATH = "/api/admin/feature-flags";
const AUTH = `Authorization: Bearer ${KEY}`;
let listener: HttpListener;
let log: ReturnType<typeof adminServer>["log"];

async function start(server: FlagServer = adminServer().server): Promise<void> {
  listener = await listen({ server, host: "127.0.0.1", port: 0, log });
}
beforeEach(() => {
  log = adminServer().log;
});
afterEach(() => listener.close(0));

/** What the server writes back to these very bytes, once it ends the connection. */
function exchange(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(listener.port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      answer += text;
    });
    socket.on("end", () => resolve(answer));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const request = (line: string, ...headers: string[]) =>
  exchange([`${line} HTTP/1.1`, "Connection: close", ...headers, "", ""].join("\r\n"));
const body = (answer: string) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
const status = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

describe("listen", () => {
  it("serves over real connections and knows the client's address", async () => {
    const seen: (string | undefined)[] = [];
    const { server } = adminServer();
    await start({
      fetch(asked, connection) {
        seen.push(connection?.address);
        return server.fetch(asked, connection);
      },
    });
    const response = await fetch(`http://127.0.0.1:${listener.port}${PATH}`, { headers: AUTHORIZED });
    expect(response.status).toBe(200);
    expect(seen).toEqual(["127.0.0.1"]);
  });

  it("refuses a body over the limit while it is still being sent, and takes the next request", async () => {
    await start();
    const url = `http://127.0.0.1:${listener.port}${PATH}`;
    const headers = { ...AUTHORIZED, "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: "x".repeat(5_000_000) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: "PATCH_TOO_LARGE" } });
    expect((await fetch(url, { headers: AUTHORIZED })).status).toBe(200);
  });

  it("says what to do where the port is in use", async () => {
    await start();
    await expect(
      listen({ server: adminServer().server, host: "127.0.0.1", port: listener.port, log }),
    ).rejects.toThrow(`Port ${listener.port} on 127.0.0.1 is in use`);
  });

  it("says what to do where the address is not this machine's", async () => {
    await start();
    await expect(listen({ server: adminServer().server, host: "203.0.113.7", port: 0, log })).rejects.toThrow(
      /203.0.113.7 is no address of this machine/,
    );
  });

  it("never lets a spelling of the path in, whatever bytes it is sent as", async () => {
    await start();
    const open: string[] = [];
    for (const spelling of pathSpellings) {
      const target = Buffer.from(spelling, "utf8").toString("latin1");
      if (/[\s\p{Cc}]/u.test(target) || target === "") continue;
      const answer = await request(`GET ${target}`, "Host: localhost");
      if (![400, 401, 404].includes(status(answer))) open.push(`${spelling} -> ${answer.slice(0, 60)}`);
      expect(body(answer).error.code, spelling).toMatch(/^(MALFORMED_REQUEST|UNAUTHENTICATED|NOT_FOUND)$/);
    }
    expect(open).toEqual([]);
  });

  it.each([
    "/x/../api/admin/feature-flags",
    "/api/./admin/feature-flags",
    "/api/%2e/admin/feature-flags",
    "//api/admin/feature-flags",
  ])("refuses %s even with a key: what a proxy saw is not what would be served", async (target) => {
    await start();
    const answer = await request(`GET ${target}`, "Host: localhost", AUTH);
    expect(status(answer)).toBe(400);
  });

  it("takes a request that names the whole URL, as through a proxy", async () => {
    await start();
    const answer = await request(`GET http://localhost${PATH}`, "Host: localhost", AUTH);
    expect(status(answer)).toBe(200);
  });

  it.each([
    ["no HTTP at all", "hello\r\n\r\n"],
    ["a broken request line", "GET\r\n\r\n"],
    ["a header without a name", `GET ${PATH} HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n`],
    ["two lengths", `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`],
    [
      "a length and chunks",
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["headers without end", `GET ${PATH} HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}\r\n\r\n`],
    ["an impossible Host", `GET ${PATH} HTTP/1.1\r\nHost: a b<>\r\nConnection: close\r\n\r\n`],
    ["a backslash in the target", `GET \\api\\admin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`],
  ])("answers %s as JSON, without a key and without a stack", async (_what, bytes) => {
    await start();
    const answer = await exchange(bytes);
    expect([400, 431]).toContain(status(answer));
    expect(answer).toMatch(/content-type: application\/json/i);
    expect(body(answer).error.code).toBe("MALFORMED_REQUEST");
    expect(answer).not.toMatch(/\n {4}at |node_modules/);
  });

  it("lets a request under way end before it closes", async () => {
    const { server } = adminServer();
    const asked = Promise.withResolvers<void>();
    const mayAnswer = Promise.withResolvers<void>();
    await start({
      async fetch(incoming, connection) {
        asked.resolve();
        await mayAnswer.promise;
        return server.fetch(incoming, connection);
      },
    });
    const response = fetch(`http://127.0.0.1:${listener.port}${PATH}`, { headers: AUTHORIZED });
    await asked.promise;
    const closed = listener.close(60_000);
    mayAnswer.resolve();
    expect((await response).status).toBe(200);
    await closed;
    await expect(fetch(`http://127.0.0.1:${listener.port}${PATH}`)).rejects.toThrow();
  });

  it("cuts off what does not end in its time", async () => {
    const asked = Promise.withResolvers<void>();
    await start({
      fetch() {
        asked.resolve();
        return new Promise(() => undefined);
      },
    });
    const response = fetch(`http://127.0.0.1:${listener.port}${PATH}`).catch(() => "cut off");
    await asked.promise;
    await listener.close(1);
    expect(await response).toBe("cut off");
  });
});
