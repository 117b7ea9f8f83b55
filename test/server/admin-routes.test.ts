import { describe, expect, it } from "vitest";
import { chatWidgetFlags } from "../../lib/chat-widget/default-config.ts";
import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { adminServer } from "./admin-server.ts";

const AI = "experimental.aiEnhancements";
const OFFLINE = "sessionPersistence.phase2.offlineMode";
const ENHANCED = "sessionPersistence.phase2.enhancedStorage";

interface Listed {
  path: string;
  [field: string]: unknown;
}
const flag = (answer: { json: { flags: Listed[] } }, path: string) =>
  answer.json.flags.find((listed) => listed.path === path);

describe("reading flags", () => {
  it("lists every flag of the definition, in its order, with label, description, value and source", async () => {
    const answer = await adminServer().read("?customerId=cust_1");
    expect(answer.status).toBe(200);
    expect(answer.json.flags.map((listed: Listed) => listed.path)).toEqual([
      ...chatWidgetFlags.leaves.keys(),
    ]);
    expect(flag(answer, OFFLINE)).toEqual({
      path: OFFLINE,
      label: chatWidgetFlags.describe(OFFLINE).label,
      description: chatWidgetFlags.describe(OFFLINE).text,
      value: true,
      enabled: true,
      source: "default",
      layer: { kind: "default" },
    });
  });

  it("tells how and when the answer came about", async () => {
    const { json } = await adminServer().read("?customerId=cust_1");
    expect(json.evaluation).toEqual({
      source: "environment",
      evaluatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      version: null,
      revision: 0,
      stale: false,
    });
    expect(json.mismatches).toEqual([]);
    expect(json.violations).toEqual([]);
  });

  it("answers without ids with the environment's values", async () => {
    const answer = await adminServer({ environment: "staging" }).read();
    expect(answer.status).toBe(200);
    expect(flag(answer, OFFLINE)).toMatchObject({
      enabled: false,
      source: "environment",
      layer: { kind: "environment", id: "staging" },
    });
    expect(flag(answer, AI)).toMatchObject({ enabled: false, source: "default" });
  });

  it("names the layer that set each flag, and whose it is", async () => {
    const { change, read } = adminServer();
    await change({ path: AI, enabled: true, organizationId: "org_1" });
    const seen = await read("?customerId=cust_1&organizationId=org_1");
    expect(flag(seen, AI)).toMatchObject({
      value: true,
      source: "organization_override",
      layer: { kind: "organization", id: "org_1" },
    });
    expect(flag(seen, OFFLINE)).toMatchObject({ source: "default" });
    expect(seen.json.evaluation).toMatchObject({ source: "organization_override", version: 1, revision: 1 });

    await change({ path: OFFLINE, enabled: false, customerId: "cust_1" });
    const own = await read("?customerId=cust_1&organizationId=org_1");
    expect(flag(own, OFFLINE)).toMatchObject({ layer: { kind: "customer", id: "cust_1" } });
    expect(own.json.evaluation.source).toBe("customer_override");
  });

  it("reads storage anew each time, with one query", async () => {
    const storage = memoryStorage();
    let queries = 0;
    const counted = {
      ...storage,
      readTenant(context: object) {
        queries += 1;
        return storage.readTenant(context);
      },
    };
    const { read } = adminServer({ storage: counted });
    await read("?customerId=cust_1");
    await read("?customerId=cust_1");
    expect(queries).toBe(2);
    await storage.saveCustomerFlags("cust_1", { experimental: { aiEnhancements: true } });
    expect(flag(await read("?customerId=cust_1"), AI)).toMatchObject({ enabled: true });
  });

  it("shows the stored leaves that do not fit, and the rules that are broken", async () => {
    const storage = memoryStorage();
    const phase1 = { parentStorage: false, gone: true };
    await storage.saveCustomerFlags("cust_1", { sessionPersistence: { phase1 } });
    const { json } = await adminServer({ storage }).read("?customerId=cust_1");
    expect(json.mismatches).toEqual([
      { layer: "customer_override", path: "sessionPersistence.phase1.gone", message: expect.any(String) },
    ]);
    expect(json.violations.map((violation: { path: string }) => violation.path)).toEqual([
      "sessionPersistence.phase2.enhancedStorage",
      "sessionPersistence.phase3.tabSync",
    ]);
  });

  it.each([
    ["?customerid=cust_1", /Unknown query parameter "customerid"/],
    ["?customerId=a&fresh=1", /Unknown query parameter "fresh"/],
    ["?customerId=a&customerId=b", /customerId is given twice/],
    ["?customerId[]=a", /Unknown query parameter/],
    ["?customerId=%FF", /UTF-8/],
    ["?customerId=%ED%A0%80", /UTF-8/],
    ["?__proto__=1", /Unknown query parameter/],
  ])("refuses the query %s", async (query, message) => {
    const { status, json } = await adminServer().read(query);
    expect({ status, code: json.error.code }).toEqual({ status: 400, code: "MALFORMED_REQUEST" });
    expect(json.error.message).toMatch(message);
  });

  it.each(["?customerId=", `?customerId=${"x".repeat(256)}`, "?customerId=a%0Ab", "?organizationId=%00"])(
    "refuses the id in %s",
    async (query) => {
      const { status, json } = await adminServer().read(query);
      expect({ status, code: json.error.code }).toEqual({ status: 400, code: "INVALID_ID" });
    },
  );

  it.each([
    "a b",
    "a/b?c#d",
    "ÄÖ\u{1f600}",
    "'; DROP TABLE customers;--",
    "constructor",
    "__proto__",
    "e\u0301",
  ])("takes the id %j exactly as it is", async (id) => {
    const { change, read } = adminServer();
    expect((await change({ path: AI, enabled: true, customerId: id })).status).toBe(200);
    expect(flag(await read(`?customerId=${encodeURIComponent(id)}`), AI)).toMatchObject({ enabled: true });
    expect(flag(await read(`?customerId=${encodeURIComponent(id.normalize("NFC"))}x`), AI)).toMatchObject({
      enabled: false,
    });
  });

  it("answers 503 while storage cannot answer, without saying what the driver said", async () => {
    const error = new FlagError("STORAGE_UNAVAILABLE", "connect ECONNREFUSED db.internal:5432");
    const storage = { ...memoryStorage(), readTenant: () => Promise.reject(error) };
    const { read, log } = adminServer({ storage });
    const { status, json, text } = await read("?customerId=cust_1");
    expect({ status, code: json.error.code }).toEqual({ status: 503, code: "STORAGE_UNAVAILABLE" });
    expect(text).not.toContain("db.internal");
    const logged = log.lines.find((line) => line.message === "A request failed");
    expect(logged?.facts).toMatchObject({
      requestId: json.error.requestId,
      code: "STORAGE_UNAVAILABLE",
      error,
    });
  });
});

describe("changing flags", () => {
  it("switches one flag and says what changed", async () => {
    const { status, json } = await adminServer().change({ path: AI, enabled: true, customerId: "cust_1" });
    expect(status).toBe(200);
    expect(json).toEqual({
      version: 1,
      revision: 1,
      changeId: expect.any(String),
      changed: 1,
      changes: [{ path: AI, oldValue: false, newValue: true, newOverride: true }],
    });
  });

  it("takes a value in place of enabled, and both spellings of several flags at once", async () => {
    const { change, read } = adminServer();
    expect((await change({ path: OFFLINE, value: false, customerId: "c" })).json.changed).toBe(1);
    const set = { experimental: { aiEnhancements: true }, "sessionPersistence.phase3.analytics": false };
    const { json } = await change({ set, unset: [OFFLINE], customerId: "c" });
    expect(json).toMatchObject({ version: 2, changed: 3 });
    const seen = await read("?customerId=c");
    expect(flag(seen, AI)).toMatchObject({ enabled: true });
    expect(flag(seen, OFFLINE)).toMatchObject({ enabled: true, source: "default" });
  });

  it("makes no version of a change that changes nothing", async () => {
    const { change } = adminServer();
    await change({ path: AI, enabled: true, customerId: "c" });
    const { status, json } = await change({ path: AI, enabled: true, customerId: "c" });
    expect(status).toBe(200);
    expect(json).toEqual({ version: 1, revision: null, changeId: null, changed: 0, changes: [] });
  });

  it("takes the credential for the actor, and the body's changedBy for whom it acts for", async () => {
    const { change, storage } = adminServer();
    await change({
      path: AI,
      enabled: true,
      customerId: "c",
      changedBy: "ada",
      reason: "Pilot\nwith tabs\t",
    });
    const [row] = await storage.listChanges({ customerId: "c", limit: 10 });
    expect(row).toMatchObject({
      path: AI,
      changedBy: "key:STRATA_ADMIN_KEY",
      onBehalfOf: "ada",
      reason: "Pilot\nwith tabs\t",
    });
  });

  it("is refused where its version is not the one it was decided on, and then changes nothing", async () => {
    const { change, read } = adminServer();
    expect((await change({ path: AI, enabled: true, customerId: "c", ifVersion: 0 })).json.version).toBe(1);
    const late = await change({ path: AI, enabled: false, customerId: "c", ifVersion: 0 });
    expect(late.status).toBe(409);
    expect(late.json.error).toMatchObject({ code: "VERSION_CONFLICT", details: { expected: 0, actual: 1 } });
    expect(flag(await read("?customerId=c"), AI)).toMatchObject({ enabled: true });
  });

  it("says what may have been meant where a path is unknown", async () => {
    const { status, json } = await adminServer().change({
      path: "experimental.aiEnhancement",
      enabled: true,
      customerId: "c",
    });
    expect(status).toBe(422);
    expect(json.error).toMatchObject({ code: "UNKNOWN_PATH", path: "experimental.aiEnhancement" });
    expect(json.error.message).toContain(`"${AI}"`);
  });

  it.each([
    ["a wrong type", { path: AI, value: "yes" }, "TYPE_MISMATCH"],
    ["null where the type does not allow it", { path: AI, value: null }, "TYPE_MISMATCH"],
    ["a value for a branch", { path: "experimental", value: true }, "TYPE_MISMATCH"],
    ["a broken rule", { path: "sessionPersistence.phase1.parentStorage", enabled: false }, "RULE_VIOLATED"],
    ["an unknown path among known ones", { set: { [AI]: true, "experimental.x": true } }, "UNKNOWN_PATH"],
    ["an unknown path to unset", { unset: ["experimental.x"] }, "UNKNOWN_PATH"],
  ])("is refused for %s, and then changes nothing", async (_what, body, code) => {
    const { change, storage } = adminServer();
    const { status, json } = await change({ ...body, customerId: "c" });
    expect({ status, code: json.error.code }).toEqual({ status: 422, code });
    expect(await storage.getCustomerOverride("c")).toBeUndefined();
    expect(await storage.listChanges({ limit: 10 })).toEqual([]);
  });

  it.each([
    ["no tenant", { path: AI, enabled: true }, /exactly one of customerId and organizationId/],
    ["two tenants", { path: AI, enabled: true, customerId: "a", organizationId: "b" }, /exactly one/],
    ["no change", { customerId: "a" }, /Say what to change/],
    ["a path without a value", { path: AI, customerId: "a" }, /add value/],
    ["a value without a path", { value: true, customerId: "a" }, /Say what to change/],
    ["value and enabled", { path: AI, value: true, enabled: true, customerId: "a" }, /not both/],
    ["both forms", { path: AI, value: true, set: { [AI]: true }, customerId: "a" }, /not both/],
    ["an empty set", { set: {}, customerId: "a" }, /set is empty/],
    [
      "an unknown field",
      { path: AI, enabled: true, customerId: "a", actor: "root" },
      /unknown field "actor"/,
    ],
    ["enabled that is no boolean", { path: AI, enabled: "true", customerId: "a" }, /"enabled"/],
    ["a set that is a list", { set: [AI], customerId: "a" }, /"set" must be an object/],
    ["an id that is a number", { path: AI, enabled: true, customerId: 7 }, /"customerId"/],
    ["a negative version", { path: AI, enabled: true, customerId: "a", ifVersion: -1 }, /"ifVersion"/],
    ["a fractional version", { path: AI, enabled: true, customerId: "a", ifVersion: 1.5 }, /"ifVersion"/],
    [
      "control characters in changedBy",
      { path: AI, enabled: true, customerId: "a", changedBy: "a\nb" },
      /"changedBy"/,
    ],
    [
      "an escape sequence in reason",
      { path: AI, enabled: true, customerId: "a", reason: "\u001b[2J" },
      /"reason"/,
    ],
    [
      "a reason without end",
      { path: AI, enabled: true, customerId: "a", reason: "x".repeat(2001) },
      /"reason"/,
    ],
    ["a list", [1], /fit/],
    ["a bare value", "x", /fit/],
    ["null", null, /fit/],
  ])("is refused as malformed for %s", async (_what, body, message) => {
    const { status, json } = await adminServer().change(body);
    expect({ status, code: json.error.code }).toEqual({ status: 400, code: "MALFORMED_REQUEST" });
    expect(json.error.message).toMatch(message);
  });

  it("is refused for an id that cannot be one", async () => {
    const { status, json } = await adminServer().change({ path: AI, enabled: true, customerId: "" });
    expect({ status, code: json.error.code }).toEqual({ status: 400, code: "INVALID_ID" });
  });

  it("needs a reason where the audit is required; the actor is the key already", async () => {
    const { change } = adminServer({ audit: "required" });
    const refused = await change({ path: AI, enabled: true, customerId: "c" });
    expect({ status: refused.status, code: refused.json.error.code }).toEqual({
      status: 422,
      code: "REASON_REQUIRED",
    });
    expect((await change({ path: AI, enabled: true, customerId: "c", reason: "Pilot" })).status).toBe(200);
  });

  it("is seen by the next read of the same server, also through a warm cache", async () => {
    const { manager, change } = adminServer();
    await manager.getFlags({ customerId: "c" });
    await change({ path: ENHANCED, enabled: false, customerId: "c" }).then(({ status }) =>
      expect(status).toBe(422),
    );
    await change({ set: { [ENHANCED]: false, "sessionPersistence.phase3.tabSync": false }, customerId: "c" });
    const { config } = await manager.getFlags({ customerId: "c" });
    expect(config.sessionPersistence.phase2.enhancedStorage).toBe(false);
  });
});
