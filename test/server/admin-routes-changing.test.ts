import { describe, expect, it } from "vitest";
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
