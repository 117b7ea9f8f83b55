import { describe, expect, it } from "vitest";
import { ADMIN_FLAGS_PATH, ERROR_STATUS } from "../../lib/server/index.ts";
import { AUTHORIZED, adminServer } from "./admin-server.ts";
import { hostileBodies } from "./hostile-bodies.ts";
import { pathSpellings } from "./path-spellings.ts";

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const picture = () => JSON.stringify(prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String)));

describe("hostile bodies", () => {
  it("are many", () => {
    expect(hostileBodies.length).toBeGreaterThan(300);
  });

  it("are each answered as JSON with a code of the table, never as the server's fault, and change nothing", async () => {
    const { send, storage, log } = adminServer();
    const before = picture();
    for (const { what, body, contentType = "application/json" } of hostileBodies) {
      const answer = await send(ADMIN_FLAGS_PATH, {
        method: "POST",
        headers: { ...AUTHORIZED, "content-type": contentType },
        body,
      });
      const { error } = answer.json;
      const shown = `${what}: ${String(body).slice(0, 80)} -> ${answer.text.slice(0, 200)}`;
      expect(answer.status, shown).toBeGreaterThanOrEqual(400);
      expect(answer.status, shown).toBeLessThan(500);
      expect(answer.status, shown).toBe(ERROR_STATUS[error.code as keyof typeof ERROR_STATUS]);
      expect(answer.text.length, shown).toBeLessThan(200_000);
      expect(answer.text, shown).not.toMatch(/\bat .*\.(ts|js):\d+|node_modules|SQLITE|syntax error at/);
      expect(picture(), shown).toBe(before);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((await storage.listOverrides({ limit: 10 })).overrides).toEqual([]);
    expect(log.lines).toEqual([]);
  });
});

describe("spellings of the admin path", () => {
  it("are many", () => {
    expect(new Set(pathSpellings).size).toBeGreaterThanOrEqual(200);
  });

  it.each(["GET", "POST", "HEAD", "PUT"])("never let %s in without a key", async (method) => {
    const { server } = adminServer();
    for (const spelling of pathSpellings) {
      const request = requestFor(spelling, { method });
      if (request === undefined) continue;
      const { status } = await server.fetch(request);
      expect([400, 401, 404], `${method} ${spelling} -> ${status}`).toContain(status);
    }
  });

  it("are refused with a key too, but for the plain one", async () => {
    const { server } = adminServer();
    for (const spelling of pathSpellings) {
      const request = requestFor(spelling, { headers: AUTHORIZED });
      if (request === undefined || new URL(request.url).pathname === ADMIN_FLAGS_PATH) continue;
      const { status } = await server.fetch(request);
      expect([400, 404], `${spelling} -> ${status}`).toContain(status);
    }
  });
});

/** A request for the path; undefined where `Request` itself refuses the URL. */
function requestFor(path: string, init: RequestInit): Request | undefined {
  return URL.canParse(`http://localhost${path}`) ? new Request(`http://localhost${path}`, init) : undefined;
}
