import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  type ChatWidgetFeatureFlags,
  defineFlags,
  FeatureFlagManager,
  getFeatureFlagManager,
} from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";

/** Compiled, and never called. */
function never(_: () => unknown): void {}

const defaults = { limits: { maxSeats: 5 }, beta: { search: false, sync: false } };

describe("a definition", () => {
  it("that names what is not there does not compile", () => {
    never(() => [
      // @ts-expect-error an unknown flag in an environment
      defineFlags({ defaults, environments: { staging: { beta: { serch: true } } } }),
      // @ts-expect-error a wrong type in an environment
      defineFlags({ defaults, environments: { staging: { limits: { maxSeats: "5" } } } }),
      // @ts-expect-error a rule about an unknown flag
      defineFlags({ defaults, rules: [{ path: "beta.sink", needs: [] }] }),
      // @ts-expect-error a rule that needs an unknown flag
      defineFlags({ defaults, rules: [{ path: "beta.sync", needs: ["beta"] }] }),
      // @ts-expect-error a rule that looks at an unknown flag
      defineFlags({ defaults, rules: [{ path: "beta.sync", check: (c) => c.beta.sink, message: "" }] }),
      // @ts-expect-error a description of an unknown flag
      defineFlags({ defaults, describe: { "beta.sink": { label: "Sink" } } }),
      // @ts-expect-error a description without a label
      defineFlags({ defaults, describe: { "beta.sync": { text: "Sync." } } }),
      // @ts-expect-error another way to resolve
      defineFlags({ defaults, resolution: "last-match" }),
    ]);
    expect(() => defineFlags({ defaults })).not.toThrow();
  });

  it("that is right compiles, with types inferred from its defaults", () => {
    const definition = defineFlags({
      defaults,
      environments: { staging: { beta: { search: true } } },
      resolution: "first-match",
      rules: [
        { path: "beta.sync", needs: ["beta.search"] },
        { path: "limits.maxSeats", check: (config) => config.limits.maxSeats > 0, message: "Positive." },
      ],
      describe: { "beta.sync": { label: "Sync", text: "Syncs.", browser: true } },
    });
    expectTypeOf(definition.defaults.limits.maxSeats).toEqualTypeOf<number>();
    expectTypeOf(definition.environment("staging").config.beta.search).toEqualTypeOf<boolean>();
    expect(definition.environment("staging").config.beta.search).toBe(true);
  });

  it("takes its types from a schema where it has one", () => {
    const schema = z.object({
      plan: z.enum(["free", "team"]),
      retention: z.union([z.literal("forever"), z.number()]),
      hosts: z.array(z.string()),
    });
    const definition = defineFlags({
      defaults: { plan: "free", retention: "forever", hosts: [] },
      schema,
    });
    const manager = new FeatureFlagManager({ definition, storage: memoryStorage() });
    expectTypeOf(definition.defaults.plan).toEqualTypeOf<"free" | "team">();
    expectTypeOf(definition.defaults.retention).toEqualTypeOf<number | "forever">();
    expectTypeOf(definition.defaults.hosts).toEqualTypeOf<readonly string[]>();
    never(() => [
      manager.setCustomerFlags("cust_1", { retention: 30, hosts: ["a"] }),
      // @ts-expect-error not in the enum
      manager.setCustomerFlags("cust_1", { plan: "gold" }),
      // @ts-expect-error not in the union
      manager.setCustomerFlags("cust_1", { retention: "never" }),
      // @ts-expect-error not what the schema takes
      defineFlags({ defaults: { plan: "gold", retention: 1, hosts: [] }, schema }),
      // @ts-expect-error a flag is missing
      defineFlags({ defaults: { plan: "free", retention: 1 }, schema }),
    ]);
    expect(definition.hasSchema).toBe(true);
  });
});

describe("the process-wide manager", () => {
  it("has the chat widget's types", () => {
    expectTypeOf<ReturnType<typeof getFeatureFlagManager>>().toEqualTypeOf<
      FeatureFlagManager<ChatWidgetFeatureFlags>
    >();
    never(() => [
      getFeatureFlagManager().setCustomerFlags(
        "cust_123",
        { sessionPersistence: { phase2: { enhancedStorage: true } } },
        "admin_user_id",
        "Enabling enhanced storage for pilot",
      ),
      // @ts-expect-error a typo
      getFeatureFlagManager().setCustomerFlags("cust_123", { sessionPersistence: { phase4: {} } }),
    ]);
    expect(getFeatureFlagManager()).toBe(getFeatureFlagManager());
  });
});
