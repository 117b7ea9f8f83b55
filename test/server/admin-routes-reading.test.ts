import { describe, expect, it } from "vitest";
import { chatWidgetFlags } from "../../lib/chat-widget/default-config.ts";
import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { adminServer } from "./admin-server.ts";

const AI = "experimental.aiEnhancements";
const OFFLINE = "sessionPersistence.phase2.offlineMode";

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
