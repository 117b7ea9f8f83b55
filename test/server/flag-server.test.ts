import { describe, expect, it } from "vitest";
import { FLAG_ERROR_CODES, FlagError } from "../../lib/feature-flags/core/errors.ts";
import { createAdminKey } from "../../lib/server/admin-key.ts";
import { ADMIN_FLAGS_PATH, createFlagServer, ERROR_STATUS } from "../../lib/server/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { AUTHORIZED, adminServer, KEY } from "./admin-server.ts";

const json = { "content-type": "application/json" };

describe("createFlagServer", () => {
  it.each(["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "refuses %s without a key, and tells which scheme it wants",
    async (method) => {
      const { status, headers, json: body } = await adminServer().send(ADMIN_FLAGS_PATH, { method });
      expect(status).toBe(401);
      expect(headers.get("www-authenticate")).toBe('Bearer realm="strata"');
      if (method !== "HEAD") expect(body.error.code).toBe("UNAUTHENTICATED");
    },
  );

  it("refuses a wrong key, and does not repeat it", async () => {
    const headers = { authorization: "Bearer sk-something-secret" };
    const { status, text } = await adminServer().send(ADMIN_FLAGS_PATH, { headers });
    expect(status).toBe(401);
    expect(text).not.toContain("sk-something-secret");
  });

  it("lets in a key that storage knows, and names it in the audit trail", async () => {
    const { key, record } = await createAdminKey({ name: "first", role: "admin", now: 0 });
    const { send, storage } = adminServer();
    await storage.addFirstAdminKey(record);
    const headers = { authorization: `Bearer ${key}`, ...json };
    const body = JSON.stringify({ path: "experimental.voiceInput", enabled: true, customerId: "c" });
    expect((await send(ADMIN_FLAGS_PATH, { method: "POST", headers, body })).status).toBe(200);
    expect((await storage.listChanges({ limit: 1 }))[0]?.changedBy).toBe(`key:${record.id}`);
  });

  it("refuses a key of a role it does not know", async () => {
    const { key, record } = await createAdminKey({ name: "reader", role: "viewer", now: 0 });
    const { send, storage } = adminServer();
    await storage.addFirstAdminKey(record);
    const { status, json: body } = await send(ADMIN_FLAGS_PATH, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect({ status, code: body.error.code }).toEqual({ status: 403, code: "FORBIDDEN" });
  });

  it("says how long to wait after too many wrong keys", async () => {
    const { send } = adminServer({ limits: { authFailuresPerMinute: 3 } });
    const guess = (key: string) => send(ADMIN_FLAGS_PATH, { headers: { authorization: `Bearer ${key}` } });
    for (const key of ["a", "b", "c"]) expect((await guess(key)).status).toBe(401);
    const { status, headers, json: body } = await guess(KEY);
    expect({ status, code: body.error.code }).toEqual({ status: 429, code: "RATE_LIMITED" });
    expect(headers.get("retry-after")).toBe("20");
  });

  it("counts wrong keys by the address the runtime names", async () => {
    const { server } = adminServer({ limits: { authFailuresPerMinute: 1 } });
    const ask = async (key: string, address: string) => {
      const request = new Request(`http://localhost${ADMIN_FLAGS_PATH}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      return (await server.fetch(request, { address })).status;
    };
    expect(await ask("wrong", "10.0.0.1")).toBe(401);
    expect(await ask(KEY, "10.0.0.1")).toBe(429);
    expect(await ask(KEY, "10.0.0.2")).toBe(200);
  });

  it.each(["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])(
    "answers %s with the methods there are",
    async (method) => {
      const {
        status,
        headers,
        json: body,
      } = await adminServer().send(ADMIN_FLAGS_PATH, { method, headers: AUTHORIZED });
      expect({ status, code: body.error.code }).toEqual({ status: 405, code: "METHOD_NOT_ALLOWED" });
      expect(headers.get("allow")).toBe("GET, HEAD, POST");
    },
  );

  it("takes no other method from a header or a query", async () => {
    const { send } = adminServer();
    const headers = { ...AUTHORIZED, "x-http-method-override": "POST" };
    expect((await send(ADMIN_FLAGS_PATH, { headers })).json.flags).toHaveLength(14);
    expect((await send(`${ADMIN_FLAGS_PATH}?_method=POST`, { headers: AUTHORIZED })).status).toBe(400);
  });

  it("answers HEAD like GET without the body", async () => {
    const { status, text } = await adminServer().send(ADMIN_FLAGS_PATH, {
      method: "HEAD",
      headers: AUTHORIZED,
    });
    expect({ status, text }).toEqual({ status: 200, text: "" });
  });

  it.each(["/", "/api", "/api/admin", "/api/admin/feature-flags-x", "/favicon.ico"])(
    "answers %s with where the admin API is",
    async (path) => {
      const { status, json: body } = await adminServer().send(path);
      expect({ status, code: body.error.code }).toEqual({ status: 404, code: "NOT_FOUND" });
      expect(body.error.message).toContain(ADMIN_FLAGS_PATH);
    },
  );

  it("puts the same guards on every answer: no caching, no sniffing, no framing, no other site", async () => {
    const { send, read } = adminServer();
    for (const { headers } of [
      await read(),
      await send("/"),
      await send(ADMIN_FLAGS_PATH),
      await send("//"),
    ]) {
      expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it("gives browsers of other sites no way in: a preflight is answered without permission", async () => {
    const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const answer = await adminServer().send(ADMIN_FLAGS_PATH, { method: "OPTIONS", headers });
    expect(answer.status).toBe(401);
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("answers what nobody foresaw with a request id alone, and logs it whole", async () => {
    const cause = new TypeError("Cannot read properties of undefined (reading 'x') at /srv/app.ts");
    const storage = { ...memoryStorage(), findAdminKey: () => Promise.reject(cause) };
    const { key } = await createAdminKey({ name: "first", role: "admin", now: 0 });
    const { send, log } = adminServer({ storage });
    const {
      status,
      json: body,
      text,
      headers,
    } = await send(ADMIN_FLAGS_PATH, { headers: { authorization: `Bearer ${key}` } });
    expect(status).toBe(500);
    expect(body.error).toEqual({
      code: "INTERNAL",
      message: expect.any(String),
      requestId: headers.get("x-request-id"),
    });
    expect(text).not.toMatch(/srv|TypeError|at /);
    expect(log.lines).toEqual([
      {
        level: "error",
        message: "A request failed",
        facts: { requestId: body.error.requestId, code: "INTERNAL", error: cause },
      },
    ]);
  });

  it("survives what is thrown without being an error", async () => {
    const { definition, environment } = adminServer().manager;
    const server = createFlagServer({
      manager: {
        definition,
        environment,
        getFlags: () => Promise.reject("a string"),
        updateOverride: () => Promise.reject(null),
      },
      keys: { find: async () => undefined, configured: KEY },
    });
    const response = await server.fetch(
      new Request(`http://localhost${ADMIN_FLAGS_PATH}`, { headers: AUTHORIZED }),
    );
    expect(response.status).toBe(500);
  });
});

describe("ERROR_STATUS", () => {
  it("has a status for every code", () => {
    expect(Object.keys(ERROR_STATUS).sort()).toEqual([...FLAG_ERROR_CODES].sort());
  });

  it.each([...FLAG_ERROR_CODES])(
    "answers %s with its status, and details only where the fault is the caller's",
    async (code) => {
      const storage = {
        ...memoryStorage(),
        readTenant: () =>
          Promise.reject(new FlagError(code, "the message", { path: "a.b", details: { x: 1 } })),
      };
      const { status, json: body } = await adminServer({ storage }).read();
      expect(status).toBe(ERROR_STATUS[code]);
      expect(body.error.code).toBe(code);
      expect(body.error.message === "the message").toBe(status < 500);
      expect(body.error.details).toEqual(status < 500 ? { x: 1 } : undefined);
    },
  );
});
