import { describe, expect, it } from "vitest";
import { chatWidgetFlags } from "../../../lib/chat-widget/default-config.ts";
import {
  type ChatWidgetFeatureFlags,
  FeatureFlagManager,
  type FeatureFlagManagerOptions,
} from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { unannounced } from "../held-storage.ts";
import { planFlags, planManager } from "../plan-flags.ts";

function chatManager(options: FeatureFlagManagerOptions<ChatWidgetFeatureFlags> = {}) {
  const storage = memoryStorage();
  return new FeatureFlagManager({
    definition: chatWidgetFlags,
    storage,
    clock: manualClock(),
    environment: "production",
    ...options,
  });
}

const both = { customerId: "cust_1", organizationId: "org_1" };

describe("under first-match", () => {
  it("answers from the customer, else the organization, else the environment", async () => {
    const manager = chatManager();
    expect((await manager.getFlags(both)).source).toBe("environment");
    await manager.setOrganizationFlags("org_1", { experimental: { voiceInput: true } });
    expect(await manager.getFlags(both)).toMatchObject({
      source: "organization_override",
      version: 1,
      config: { experimental: { voiceInput: true } },
    });
    await manager.setCustomerFlags("cust_1", { experimental: { customThemes: true } });
    expect((await manager.getFlags(both)).source).toBe("customer_override");
    expect((await manager.getFlags({ organizationId: "org_1" })).source).toBe("organization_override");
    expect((await manager.getFlags({ customerId: "cust_2" })).source).toBe("environment");
    expect((await manager.getFlags()).source).toBe("environment");
  });

  it("does not read the organization's values into a customer's override", async () => {
    const manager = chatManager();
    await manager.setOrganizationFlags("org_1", { experimental: { voiceInput: true } });
    await manager.setCustomerFlags("cust_1", { experimental: { customThemes: true } });
    const { config, sourceOf } = await manager.getFlags(both);
    expect(config.experimental).toEqual({ aiEnhancements: false, customThemes: true, voiceInput: false });
    expect(sourceOf).toBeTypeOf("function");
  });

  it("lets the organization answer again once a customer's last flag is unset", async () => {
    const manager = chatManager();
    await manager.setOrganizationFlags("org_1", { experimental: { voiceInput: true } });
    await manager.setCustomerFlags("cust_1", { experimental: { customThemes: true } });
    await manager.unsetCustomerFlags("cust_1", ["experimental"]);
    expect((await manager.getFlags(both)).source).toBe("organization_override");
  });

  it("merges an override over the environment's config, so that staging stays staging", async () => {
    const manager = chatManager({ environment: "staging" });
    await manager.setCustomerFlags("cust_1", { experimental: { voiceInput: true } });
    const evaluation = await manager.getFlags({ customerId: "cust_1" });
    expect(evaluation.config.sessionPersistence).toEqual(
      chatWidgetFlags.environment("staging").config.sessionPersistence,
    );
    expect(evaluation.config.sessionPersistence.phase3.tabSync).toBe(false);
    expect(evaluation.sourceOf("sessionPersistence.phase3.tabSync")).toBe("environment");
    expect(evaluation.sourceOf("sessionPersistence.phase1.autoRestore")).toBe("default");
  });
});

describe("under cascade", () => {
  it("merges every layer, and says of each leaf which one set it", async () => {
    const { manager } = planManager({ environment: "staging" });
    await manager.setOrganizationFlags("org_1", { limits: { maxSeats: 50, regions: ["us"] } });
    await manager.setCustomerFlags("cust_1", { limits: { maxSeats: 70 } });
    const evaluation = await manager.getFlags(both);
    expect(evaluation.config).toEqual({
      limits: { maxSeats: 70, minSeats: 1, regions: ["us"] },
      beta: { search: true, sync: false },
      plan: "trial",
      note: null,
      labels: {},
    });
    expect(evaluation.source).toBe("customer_override");
    expect(evaluation.sourceOf("limits.maxSeats")).toBe("customer_override");
    expect(evaluation.sourceOf("limits.regions")).toBe("organization_override");
    expect(evaluation.sourceOf("plan")).toBe("environment");
    expect(evaluation.sourceOf("limits.minSeats")).toBe("default");
  });

  it("answers with the highest layer that set any leaf, down to the default", async () => {
    const { manager } = planManager();
    expect((await manager.getFlags(both)).source).toBe("default");
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    expect((await manager.getFlags(both)).source).toBe("organization_override");
    expect((await planManager({ environment: "staging" }).manager.getFlags(both)).source).toBe("environment");
  });

  it("takes the organization from the tenant directory where the caller names none", async () => {
    const { manager, storage } = planManager();
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    await manager.setOrganizationFlags("org_2", { plan: "other" });
    expect((await manager.getFlags({ customerId: "cust_1" })).config.plan).toBe("team");
    expect((await manager.getFlags({ customerId: "cust_1", organizationId: "org_2" })).config.plan).toBe(
      "other",
    );
  });
});

describe("a cached answer", () => {
  it.each(["first-match", "cascade"] as const)("reports its true source under %s", async (resolution) => {
    const { manager } = planManager({ definition: planFlags(resolution), environment: "staging" });
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    await manager.setCustomerFlags("cust_1", { beta: { search: true } });
    for (const context of [both, { organizationId: "org_1" }, { customerId: "cust_2" }, {}]) {
      const read = await manager.getFlags(context);
      const cached = await manager.getFlags(context);
      expect(cached).toBe(read);
      expect(manager.peek(context)).toBe(read);
      expect(cached.source).toBe(read.source);
    }
    const sources = [{ customerId: "cust_1" }, { organizationId: "org_1" }, { customerId: "cust_2" }].map(
      (context) => manager.peek(context)?.source,
    );
    expect(sources.slice(1)).toEqual(["organization_override", "environment"]);
  });

  it("ends with a change of its organization, also where only the directory knows of that", async () => {
    const storage = unannounced(memoryStorage());
    const { manager } = planManager({ storage });
    await storage.registerCustomers([{ id: "member", organizationId: "org_1" }]);
    const contexts = [{ customerId: "member" }, { customerId: "guest", organizationId: "org_1" }];
    for (const context of contexts) await manager.getFlags(context);
    await manager.setOrganizationFlags("org_12", { plan: "of another" });
    expect(contexts.every((context) => manager.peek(context) !== undefined)).toBe(true);
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    for (const context of contexts) {
      expect(manager.peek(context)).toBeUndefined();
      expect((await manager.getFlags(context)).config.plan).toBe("team");
    }
    manager.invalidateCacheForOrganization("org_1");
    expect(contexts.map((context) => manager.peek(context))).toEqual([undefined, undefined]);
  });

  it("is frozen at every depth, and nothing a caller tries changes what another one sees", async () => {
    const { manager } = planManager();
    await manager.setCustomerFlags("cust_1", {
      limits: { regions: ["us", "asia"] },
      labels: { tier: "gold" },
    });
    await manager.setOrganizationFlags("org_1", { note: "hello" });
    const evaluation = await manager.getFlags(both);
    expect(changeablePlaces(evaluation)).toEqual([]);
    const before = JSON.stringify(evaluation);
    for (const target of [evaluation, evaluation.config, evaluation.config.limits.regions]) {
      for (const key of [...Object.keys(target), "added"]) {
        expect(Reflect.set(target, key, "spoiled")).toBe(false);
        expect(Reflect.deleteProperty(target, key)).toBe(key === "added");
      }
    }
    expect(JSON.stringify(await manager.getFlags(both))).toBe(before);
  });

  it("is frozen where it tells of mismatches and of violations, too", async () => {
    const { manager, storage } = planManager();
    await storage.saveCustomerFlags("cust_1", { beta: { sync: true }, limits: { maxSeats: "many" } });
    const evaluation = await manager.getFlags({ customerId: "cust_1" });
    expect(evaluation.violations).toHaveLength(1);
    expect(evaluation.mismatches).toHaveLength(1);
    expect(changeablePlaces(evaluation)).toEqual([]);
  });
});

describe("tenants without an override", () => {
  it.each(["first-match", "cascade"] as const)("share one config object under %s", async (resolution) => {
    const { manager, clock } = planManager({ definition: planFlags(resolution), environment: "staging" });
    const { config } = await manager.getFlags({ customerId: "cust_1" });
    await clock.advance(1_000);
    expect((await manager.getFlags({ customerId: "cust_2" })).config).toBe(config);
    expect((await manager.getFlags({ organizationId: "org_1" })).config).toBe(config);
    expect(config).toBe(manager.definition.environment("staging").config);
  });

  it("share the whole evaluation when they are read at the same moment", async () => {
    const { manager } = planManager();
    const first = await manager.getFlags({ customerId: "cust_1" });
    expect(await manager.getFlags({ customerId: "cust_2" })).toBe(first);
  });
});

describe("what is asked with", () => {
  it.each([
    ["an empty id", { customerId: "" }],
    ["an id of 256 characters", { organizationId: "x".repeat(256) }],
    ["a control character", { customerId: "a\u0000b" }],
    ["a lone surrogate", { customerId: "\ud800" }],
  ])("%s is answered with the environment's config and INVALID_ID, and is not kept", async (_, context) => {
    const { manager, storage } = planManager({ environment: "staging" });
    const reading = manager.getFlags(context);
    expect(await reading).toMatchObject({ source: "environment", revision: -1, stale: false });
    expect((await reading).error?.code).toBe("INVALID_ID");
    expect((await reading).config.plan).toBe("trial");
    expect(manager.peek(context)).toBeUndefined();
    expect(manager.getCacheStats().size).toBe(0);
    expect((await storage.readState()).revision).toBe(0);
  });

  it("a context that is changed while storage is read still gets the answer for whom it was asked", async () => {
    const { manager } = planManager();
    await manager.setCustomerFlags("cust_1", { plan: "of cust_1" });
    await manager.setCustomerFlags("cust_2", { plan: "of cust_2" });
    const context = { customerId: "cust_1" };
    const first = manager.getFlags(context);
    context.customerId = "cust_2";
    const second = manager.getFlags(context);
    context.customerId = "cust_3";
    expect((await first).config.plan).toBe("of cust_1");
    expect((await second).config.plan).toBe("of cust_2");
    expect(manager.peek({ customerId: "cust_1" })?.config.plan).toBe("of cust_1");
    expect(manager.peek({ customerId: "cust_2" })?.config.plan).toBe("of cust_2");
    expect(manager.peek({ customerId: "cust_3" })).toBeUndefined();
  });
});
