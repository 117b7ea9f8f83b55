import { describe, expect, it } from "vitest";
import { jsonLog } from "../../lib/cli/json-log.ts";
import { createAdminKey } from "../../lib/server/index.ts";

function recorded() {
  const written: string[] = [];
  const log = jsonLog({ write: (text) => written.push(text) }, { now: () => 0 });
  return { log, written, line: () => JSON.parse(written[0] ?? "") };
}

const PAYLOADS = [
  '\r\n{"level":"error","message":"forged"}',
  "\n",
  "\r",
  "\u0000",
  "\u001b[2J\u001b[H",
  "\u001b]0;title\u0007",
  "\u009b2J",
  "\u0085",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u200b",
  "\ud800",
  "\ufeff",
  '"},{"',
  "\\u000a",
  "${jndi:ldap://x}",
  "%0d%0a",
  "x".repeat(1_000_000),
  "\u{e0001}",
];

describe("jsonLog", () => {
  it("writes one line of JSON with time, level, message and facts", () => {
    const { log, written, line } = recorded();
    log.warn({ customerId: "c", count: 2 }, "Something happened");
    expect(written).toHaveLength(1);
    expect(line()).toEqual({
      time: "1970-01-01T00:00:00.000Z",
      level: "warn",
      message: "Something happened",
      customerId: "c",
      count: 2,
    });
  });

  it.each(PAYLOADS)(
    "makes exactly one line, without anything that steers a terminal, of payload %#",
    (payload) => {
      const places: (readonly [object, string])[] = [
        [{}, payload],
        [{ fact: payload }, "m"],
        [{ [payload]: 1 }, "m"],
        [{ error: new Error(payload, { cause: { deep: [payload] } }) }, "m"],
        [{ list: [[{ payload }]] }, "m"],
      ];
      for (const [facts, message] of places) {
        const { log, written, line } = recorded();
        log.error(facts, message);
        expect(written).toHaveLength(1);
        expect(written[0]).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*\n$/u);
        expect(written[0]?.length).toBeLessThan(80_000);
        expect(line().level).toBe("error");
      }
    },
  );

  it("keeps an error's code, stack and causes", () => {
    const { log, line } = recorded();
    const error = Object.assign(new Error("outer", { cause: new TypeError("inner") }), {
      code: "STORAGE_FULL",
    });
    log.error({ error }, "m");
    expect(line().error).toMatchObject({
      name: "Error",
      message: "outer",
      code: "STORAGE_FULL",
      cause: { message: "inner" },
    });
    expect(line().error.stack).toContain("json-log.test.ts");
  });

  it("survives circles, depth, width and what JSON cannot say", () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const { log, written } = recorded();
    log.info(
      { circle, many: Array.from({ length: 10_000 }, () => 1n), sign: Symbol("s"), run: () => 1 },
      "m",
    );
    expect(written).toHaveLength(1);
    expect(written[0]?.length).toBeLessThan(10_000);
  });

  it("lets facts rename neither level nor time", () => {
    const { log, line } = recorded();
    log.error({ level: "info", time: "never", message: "other" }, "m");
    expect(line()).toMatchObject({ level: "error", time: "1970-01-01T00:00:00.000Z", message: "m" });
  });

  it("never shows an admin key", async () => {
    const { key, record } = await createAdminKey({ name: "first", role: "admin", now: 0 });
    const { log, written } = recorded();
    log.error({ header: `Bearer ${key}`, [key]: 1, error: new Error(key) }, key);
    expect(written[0]).not.toContain(key.slice(-49));
    expect(written[0]).toContain(`strata_admin_${record.id}_***`);
  });
});
