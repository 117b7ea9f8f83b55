import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineFlags, FeatureFlagManager, type StandardSchema } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { changeablePlaces } from "../changeable-places.ts";

const schema = z
  .object({
    plan: z.enum(["free", "team", "enterprise"]),
    limits: z.object({ min: z.int().min(0), max: z.int().min(1).max(1_000) }),
    hosts: z.array(z.string().regex(/^[a-z.]+$/)),
    retention: z.union([z.literal("forever"), z.number()]),
  })
  .refine(({ limits }) => limits.min <= limits.max, {
    path: ["limits", "max"],
    message: "max must not be below min",
  });

const defaults: z.infer<typeof schema> = {
  plan: "free",
  limits: { min: 1, max: 10 },
  hosts: ["a.example"],
  retention: "forever",
};

function managed() {
  const definition = defineFlags({ defaults, schema });
  const storage = memoryStorage();
  const manager = new FeatureFlagManager({
    definition,
    storage,
    clock: manualClock(),
    environment: "production",
  });
  return { manager, storage };
}

describe("a definition with a schema", () => {
  it("takes what the schema takes, even another kind of value than the default", async () => {
    const { manager } = managed();
    await manager.setCustomerFlags("cust_1", { retention: 30, plan: "team" });
    expect((await manager.getFlags({ customerId: "cust_1" })).config).toMatchObject({ retention: 30 });
  });

  it.each([
    ["a value outside an enum", { plan: "gold" }, "plan"],
    ["a number out of range", { limits: { max: 5_000 } }, "limits.max"],
    ["a wrong item of a list, under the list's path", { hosts: ["a", "B!"] }, "hosts"],
    ["a wrong type", { limits: { min: "1" } }, "limits.min"],
  ])("refuses to write %s", async (_, json, path) => {
    const { manager, storage } = managed();
    const write = manager.updateOverride({ kind: "customer", id: "cust_1" }, { set: json });
    await expect(write).rejects.toMatchObject({ code: "TYPE_MISMATCH", path });
    expect((await storage.readState()).revision).toBe(0);
  });

  it("leaves out stored leaves that it refuses, each from its layer, and applies the rest", async () => {
    const { manager, storage } = managed();
    await storage.saveOrganizationFlags("org_1", { limits: { min: -1, max: 50 }, plan: "gold" });
    await storage.saveCustomerFlags("cust_1", { limits: { min: -2 }, hosts: ["b.example"], plan: "gilt" });
    const evaluation = await manager.getFlags({ customerId: "cust_1", organizationId: "org_1" });
    expect(evaluation.config).toEqual({ ...defaults, limits: { min: 1, max: 50 }, hosts: ["b.example"] });
    expect(evaluation.mismatches.map(({ layer, path }) => [layer, path]).sort()).toEqual([
      ["customer_override", "limits.min"],
      ["customer_override", "plan"],
      ["organization_override", "limits.min"],
      ["organization_override", "plan"],
    ]);
    expect(evaluation.violations).toEqual([]);
    expect(evaluation.sourceOf("limits.min")).toBe("default");
    expect(evaluation.sourceOf("limits.max")).toBe("organization_override");
    expect(changeablePlaces(evaluation)).toEqual([]);
  });

  it("lets the layer below stand for a leaf of which it refuses several items", async () => {
    const { manager, storage } = managed();
    await storage.saveOrganizationFlags("org_1", { hosts: ["good.example"] });
    await storage.saveCustomerFlags("cust_1", { hosts: ["B!", "C!"] });
    const evaluation = await manager.getFlags({ customerId: "cust_1", organizationId: "org_1" });
    expect(evaluation.config.hosts).toEqual(["good.example"]);
    expect(evaluation.mismatches).toHaveLength(1);
  });

  it("refuses a change that would make it drop another leaf of the tenant", async () => {
    const { manager } = managed();
    await manager.setCustomerFlags("cust_1", { limits: { max: 5 } });
    await expect(manager.setCustomerFlags("cust_1", { limits: { min: 7 } })).rejects.toMatchObject({
      path: "limits.max",
      message: expect.stringContaining("max must not be below min"),
    });
    expect((await manager.getFlags({ customerId: "cust_1" })).config.limits).toEqual({ min: 1, max: 5 });
  });

  it("refuses an organization's change that would make it drop a leaf of one of its customers", async () => {
    const { manager, storage } = managed();
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await manager.setCustomerFlags("cust_1", { limits: { max: 5 } });
    await expect(manager.setOrganizationFlags("org_1", { limits: { min: 7 } })).rejects.toMatchObject({
      code: "RULE_VIOLATED",
      path: "limits.max",
      details: { customers: ["cust_1"], count: 1 },
    });
  });

  it("lets a customer repair a flag that its organization's override has wrong", async () => {
    const { manager, storage } = managed();
    await storage.saveOrganizationFlags("org_1", { plan: "gold" });
    await manager.setCustomerFlags("cust_1", { plan: "team" }, undefined, undefined, {
      organizationId: "org_1",
    });
    const { config } = await manager.getFlags({ customerId: "cust_1", organizationId: "org_1" });
    expect(config.plan).toBe("team");
  });

  it("refuses defaults and environments that its own schema refuses", () => {
    expect(() => defineFlags({ defaults: { ...defaults, hosts: ["A"] }, schema })).toThrowError(
      expect.objectContaining({ code: "DEFINITION_INVALID", path: "hosts" }),
    );
    expect(() =>
      defineFlags({ defaults, schema, environments: { staging: { limits: { max: 0 } } } }),
    ).toThrowError(expect.objectContaining({ code: "DEFINITION_INVALID", path: "limits.max" }));
  });

  it("refuses a schema that validates asynchronously", () => {
    const slow = z.object({ on: z.boolean().refine(async (on) => on) });
    expect(() => defineFlags({ defaults: { on: true }, schema: slow })).toThrowError(
      expect.objectContaining({ code: "DEFINITION_INVALID", message: expect.stringContaining("async") }),
    );
  });

  it("serves an answer even if the schema throws for what is stored, and says so", async () => {
    const touchy: StandardSchema<{ hosts: string[] }> = {
      "~standard": {
        version: 1,
        vendor: "touchy",
        validate: (value) => {
          const { hosts } = value as { hosts: string[] };
          if (hosts.includes("boom")) throw new Error("schema bug");
          return { value: { hosts } };
        },
      },
    };
    const storage = memoryStorage();
    const manager = new FeatureFlagManager({
      definition: defineFlags({ defaults: { hosts: ["a"] }, schema: touchy }),
      storage,
      clock: manualClock(),
      environment: "production",
    });
    await storage.saveCustomerFlags("cust_1", { hosts: ["boom"] });
    const evaluation = await manager.getFlags({ customerId: "cust_1" });
    expect(evaluation.violations[0]?.message).toContain("schema bug");
    await expect(manager.setCustomerFlags("cust_2", { hosts: ["boom"] })).rejects.toMatchObject({
      code: "RULE_VIOLATED",
    });
  });
});
