import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_FLAGS_PATH, createAdminKey, ERROR_STATUS } from "../../lib/server/index.ts";
import { AUTHORIZED, adminServer } from "./admin-server.ts";
import { hostileBodies } from "./hostile-bodies.ts";
import { type OpenedStorage, storages } from "./storages.ts";

const AI = "experimental.aiEnhancements";
const HOSTILE_IDS = [
  "'; DROP TABLE customers;--",
  'a\\b"c',
  "ÄÖ\u{1f600}",
  "e\u0301",
  " ",
  "%",
  "__proto__",
  "x".repeat(255),
];

describe.each(["memory", "sqlite", "postgres"] as const)("the admin API on %s", (kind) => {
  let opened: OpenedStorage;
  beforeAll(async () => {
    opened = await storages[kind]();
  });
  afterAll(() => opened.close());

  it("reads, changes, reads the change with its layer, and lets it inherit again", async () => {
    const { read, change } = adminServer({ storage: opened.storage });
    const seen = async (query: string) => {
      const { json } = await read(query);
      return json.flags.find((flag: { path: string }) => flag.path === AI);
    };
    expect(await seen("?customerId=c1&organizationId=o1")).toMatchObject({
      enabled: false,
      source: "default",
    });
    expect(
      (await change({ path: AI, enabled: true, organizationId: "o1", reason: "Pilot" })).json.version,
    ).toBe(1);
    expect(await seen("?customerId=c1&organizationId=o1")).toMatchObject({
      enabled: true,
      source: "organization_override",
      layer: { kind: "organization", id: "o1" },
    });
    expect((await change({ unset: [AI], organizationId: "o1", ifVersion: 1 })).json.changed).toBe(1);
    expect(await seen("?customerId=c1&organizationId=o1")).toMatchObject({
      enabled: false,
      source: "default",
    });
  });

  it("uses the organization that the tenant directory knows", async () => {
    const { read, change, storage } = adminServer({ storage: opened.storage });
    await storage.registerOrganizations([{ id: "known" }]);
    await storage.registerCustomers([{ id: "member", organizationId: "known" }]);
    await change({ path: AI, enabled: true, organizationId: "known" });
    const { json } = await read("?customerId=member");
    expect(json.flags.find((flag: { path: string }) => flag.path === AI)).toMatchObject({
      enabled: true,
      layer: { kind: "organization" },
    });
  });

  it.each(HOSTILE_IDS)("keeps the tenant %j to itself", async (id) => {
    const { read, change } = adminServer({ storage: opened.storage });
    expect((await change({ path: AI, enabled: true, customerId: id })).status).toBe(200);
    expect((await read(`?customerId=${encodeURIComponent(id)}`)).json.evaluation.source).toBe(
      "customer_override",
    );
    const other = id.normalize("NFC") === id ? `${id.slice(1)}_` : id.normalize("NFC");
    expect((await read(`?customerId=${encodeURIComponent(other)}`)).json.evaluation.source).toBe(
      "environment",
    );
  });

  it("answers every hostile body with a code of the table and changes nothing", async () => {
    const { send, storage, log } = adminServer({ storage: opened.storage });
    for (const { what, body, contentType = "application/json" } of hostileBodies) {
      const headers = { ...AUTHORIZED, "content-type": contentType };
      const { status, json, text } = await send(ADMIN_FLAGS_PATH, { method: "POST", headers, body });
      expect(status, `${what} -> ${text.slice(0, 200)}`).toBeLessThan(500);
      expect(status, what).toBe(ERROR_STATUS[json.error.code as keyof typeof ERROR_STATUS]);
    }
    expect(await storage.getCustomerOverride("hostile")).toBeUndefined();
    expect(log.lines).toEqual([]);
  });

  it("keeps nothing of an admin key but its digest", async () => {
    const { key, record } = await createAdminKey({ name: "first", role: "admin", now: 0 });
    expect(await opened.storage.addFirstAdminKey(record)).toBe(true);
    const { send } = adminServer({ storage: opened.storage });
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const body = JSON.stringify({ path: AI, enabled: true, customerId: "by-key" });
    expect((await send(ADMIN_FLAGS_PATH, { method: "POST", headers, body })).status).toBe(200);
    const dump = await opened.dump();
    expect(dump).not.toContain(key.slice("strata_admin_".length + 9, -6));
    if (kind !== "memory") expect(dump).toContain(record.secretHash);
  });

  it("answers 503 once storage is closed", async () => {
    const { storage, close } = await storages[kind]();
    const { read } = adminServer({ storage });
    await storage.close();
    const { status, json } = await read("?customerId=c1");
    expect({ status, code: json.error.code }).toEqual({ status: 503, code: "CLOSED" });
    await close();
  });
});
