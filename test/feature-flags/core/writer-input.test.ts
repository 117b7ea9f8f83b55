import { describe, expect, it } from "vitest";
import type { PatchInput } from "../../../lib/feature-flags/core/patch.ts";
import type { TenantRef } from "../../../lib/feature-flags/core/storage.ts";
import type { WriteMeta } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { planManager } from "../plan-flags.ts";

/** As a caller without types sends it. */
function parsed(json: string) {
  return JSON.parse(json);
}

describe("who is written to", () => {
  it.each(["", "x".repeat(256), "a\u0000b", "line\nbreak", "\ud800"])(
    "must have a valid id: %o",
    async (id) => {
      const { manager, storage } = planManager();
      const refused = { code: "INVALID_ID" };
      await expect(manager.setCustomerFlags(id, { plan: "x" })).rejects.toMatchObject(refused);
      await expect(manager.setOrganizationFlags(id, { plan: "x" })).rejects.toMatchObject(refused);
      await expect(manager.unsetCustomerFlags(id, ["plan"])).rejects.toMatchObject(refused);
      await expect(manager.unsetOrganizationFlags(id, ["plan"])).rejects.toMatchObject(refused);
      const organizationId = { organizationId: id };
      await expect(
        manager.setCustomerFlags("cust_1", { plan: "x" }, "a", "b", organizationId),
      ).rejects.toMatchObject(refused);
      expect((await storage.readState()).revision).toBe(0);
    },
  );

  it.each([
    "null",
    "5",
    '"cust_1"',
    "{}",
    '{"kind":"robot","id":"x"}',
    '{"kind":"customer"}',
    '{"kind":"customer","id":5}',
  ])("must be a tenant: %s", async (json) => {
    const { manager } = planManager();
    await expect(manager.updateOverride(parsed(json), { set: { plan: "x" } })).rejects.toMatchObject({
      code: "INVALID_ID",
    });
  });
});

describe("what is said about a change", () => {
  it.each([
    ["an actor with NUL", { changedBy: "a\u0000" }],
    ["a reason with a lone surrogate", { reason: "\ud800" }],
    ["an actor that is no string", { changedBy: parsed("5") }],
    ["a reason that is no string", { reason: parsed('{"a":1}') }],
    ["an endless actor", { changedBy: "x".repeat(100_000) }],
    ["an endless reason", { reason: "x".repeat(100_000) }],
    ["somebody it is on behalf of that no database takes", { onBehalfOf: "\u0000" }],
  ])("is refused where no database would take it: %s", async (_, meta: WriteMeta) => {
    for (const audit of ["required", "best-effort"] as const) {
      const { manager, storage } = planManager({ audit });
      const write = manager.updateOverride(
        { kind: "customer", id: "cust_1" },
        { set: { plan: "x" } },
        { changedBy: "ada", reason: "why", ...meta },
      );
      await expect(write).rejects.toMatchObject({ code: "INVALID_PATCH" });
      expect((await storage.readState()).revision).toBe(0);
    }
  });

  it.each([-1, 0.5, Number.NaN, parsed('"1"'), parsed("null")])(
    "is refused where the expected version cannot be one: %o",
    async (ifVersion) => {
      const { manager } = planManager();
      const write = manager.setCustomerFlags("cust_1", { plan: "x" }, "a", "b", { ifVersion });
      await expect(write).rejects.toMatchObject({ code: "INVALID_PATCH" });
    },
  );
});

describe("with a required audit", () => {
  it("wants an actor and a reason on every way of writing", async () => {
    const { manager, storage } = planManager({ audit: "required" });
    const writes: readonly ((by?: string, why?: string) => Promise<unknown>)[] = [
      (by, why) => manager.setCustomerFlags("cust_1", { plan: "x" }, by, why),
      (by, why) => manager.setOrganizationFlags("org_1", { plan: "x" }, by, why),
      (by, why) => manager.unsetCustomerFlags("cust_1", ["plan"], by, why),
      (by, why) => manager.unsetOrganizationFlags("org_1", ["plan"], by, why),
      (changedBy, reason) =>
        manager.updateOverride({ kind: "customer", id: "c" }, { set: {} }, { changedBy, reason }),
    ];
    for (const write of writes) {
      for (const actor of [undefined, "", " \t"]) {
        await expect(write(actor, "why")).rejects.toMatchObject({ code: "ACTOR_REQUIRED" });
      }
      for (const reason of [undefined, "", "  "]) {
        await expect(write("ada", reason)).rejects.toMatchObject({ code: "REASON_REQUIRED" });
      }
      await expect(write("ada", "why")).resolves.toBeDefined();
    }
    expect((await storage.readState()).revision).toBe(4);
  });
});

it("does not leave it to storage to want an actor and a reason", async () => {
  let writes = 0;
  const memory = memoryStorage();
  const { manager } = planManager({
    audit: "required",
    storage: {
      ...memory,
      writeOverride: (write) => {
        writes += 1;
        return memory.writeOverride(write);
      },
    },
  });
  await expect(manager.setCustomerFlags("c", { plan: "x" }, "ada")).rejects.toMatchObject({
    code: "REASON_REQUIRED",
  });
  await expect(manager.setCustomerFlags("c", { plan: "x" }, " ", "why")).rejects.toMatchObject({
    code: "ACTOR_REQUIRED",
  });
  expect(writes).toBe(0);
});

describe("what a caller changes after the call", () => {
  it("changes neither what is written, nor to whom, nor what others read", async () => {
    const { manager, storage } = planManager({ storage: async () => memory, preload: true });
    await manager.ready();
    const regions = ["us"];
    const tenant: { kind: TenantRef["kind"]; id: string } = { kind: "customer", id: "cust_1" };
    const change: { set: Record<string, unknown> } = { set: { limits: { regions } } };
    const meta: { -readonly [K in keyof WriteMeta]: WriteMeta[K] } = { changedBy: "ada", reason: "why" };
    const writing = manager.updateOverride(tenant, change satisfies PatchInput, meta);
    regions.push("spoiled");
    tenant.id = "cust_2";
    change.set["plan"] = "spoiled";
    Object.assign(meta, { changedBy: "mallory", reason: "spoiled", ifVersion: 7 });
    await writing;
    regions.push("spoiled again");
    expect((await memory.getCustomerOverride("cust_1"))?.flags).toEqual({ limits: { regions: ["us"] } });
    expect(await memory.getCustomerOverride("cust_2")).toBeUndefined();
    expect(await memory.listChanges({ limit: 5 })).toMatchObject([{ changedBy: "ada", reason: "why" }]);
    expect(manager.peek({ customerId: "cust_1" })?.config.limits.regions).toEqual(["us"]);
    expect(storage).toBeDefined();
    await manager.close();
  });
});

const memory = memoryStorage();
