import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type BranchPath,
  type DeepPartial,
  defineFlags,
  FeatureFlagManager,
  type FlagPath,
  type ValueAt,
} from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";

// Every line under "@ts-expect-error" must not compile: `tsc` fails where one does.

const flags = defineFlags({
  defaults: {
    limits: { maxSeats: 5, regions: ["eu"] },
    beta: { search: false, deep: { er: { flag: "x" } } },
    note: null as string | null,
    mode: "auto" as "auto" | "manual",
    labels: {} as Record<string, string>,
  },
  environments: { staging: { beta: { search: true } } },
});
type Config = typeof flags extends { readonly defaults: infer D } ? D : never;
const manager = new FeatureFlagManager({ definition: flags, storage: memoryStorage() });

/** Compiled, and never called. */
function never(_: () => unknown): void {}

describe("paths", () => {
  it("are all leaves, and nothing else", () => {
    expectTypeOf<FlagPath<Config>>().toEqualTypeOf<
      "limits.maxSeats" | "limits.regions" | "beta.search" | "beta.deep.er.flag" | "note" | "mode" | "labels"
    >();
    expectTypeOf<BranchPath<Config>>().toEqualTypeOf<"limits" | "beta" | "beta.deep" | "beta.deep.er">();
    expect([...flags.leaves.keys()]).toContain("beta.deep.er.flag");
  });

  it("know the type of their value", () => {
    expectTypeOf<ValueAt<Config, "limits.maxSeats">>().toEqualTypeOf<number>();
    expectTypeOf<ValueAt<Config, "beta.deep.er.flag">>().toEqualTypeOf<string>();
    expectTypeOf<ValueAt<Config, "note">>().toEqualTypeOf<string | null>();
    expectTypeOf<ValueAt<Config, "limits.nothing">>().toEqualTypeOf<never>();
    expect(flags.leaf("limits.maxSeats").kind).toBe("number");
  });

  it("that do not exist do not compile", async () => {
    const evaluation = await manager.getFlags();
    never(() => [
      // @ts-expect-error a typo
      evaluation.sourceOf("limits.maxSeat"),
      // @ts-expect-error a branch
      evaluation.sourceOf("limits"),
      // @ts-expect-error below a leaf
      evaluation.sourceOf("limits.maxSeats.x"),
      // @ts-expect-error an index of a list
      evaluation.sourceOf("limits.regions.0"),
      // @ts-expect-error a key of an open record
      evaluation.sourceOf("labels.tier"),
      // @ts-expect-error not a path
      evaluation.sourceOf(""),
      // @ts-expect-error a typo
      manager.explain({}, "beta.serch"),
      // @ts-expect-error a typo in a branch
      manager.explain({}, "betas"),
      // @ts-expect-error a typo
      manager.unsetCustomerFlags("cust_1", ["limits.maxSeats", "limits.max"]),
      // @ts-expect-error a typo
      manager.unsetOrganizationFlags("org_1", ["limit"]),
      // @ts-expect-error a typo
      flags.defaults.limits.maxSeat,
    ]);
    expect(() => evaluation.sourceOf("limits.maxSeats")).not.toThrow();
    expect(await manager.explain({}, "beta")).toHaveLength(2);
    expect((await manager.unsetCustomerFlags("cust_1", ["limits", "beta.deep.er", "note"])).changes).toEqual(
      [],
    );
  });
});

describe("values", () => {
  it("of the wrong type do not compile", () => {
    never(() => [
      // @ts-expect-error a string for a number
      manager.setCustomerFlags("cust_1", { limits: { maxSeats: "5" } }),
      // @ts-expect-error a number among strings
      manager.setCustomerFlags("cust_1", { limits: { regions: [1] } }),
      // @ts-expect-error null where the flag is not nullable
      manager.setCustomerFlags("cust_1", { beta: { search: null } }),
      // @ts-expect-error a value for a branch
      manager.setCustomerFlags("cust_1", { limits: 5 }),
      // @ts-expect-error another member of the union
      manager.setOrganizationFlags("org_1", { mode: "off" }),
      // @ts-expect-error an unknown flag
      manager.setOrganizationFlags("org_1", { limits: { maxSeat: 5 } }),
      // @ts-expect-error an unknown flag on top
      manager.setCustomerFlags("cust_1", { limit: {} }),
      // @ts-expect-error a number among the labels
      manager.setCustomerFlags("cust_1", { labels: { tier: 1 } }),
      // @ts-expect-error an id that is no string
      manager.setCustomerFlags(5, {}),
      // @ts-expect-error no context
      manager.getFlags("cust_1"),
      // @ts-expect-error a context with another word
      manager.getFlags({ customer: "cust_1" }),
      // @ts-expect-error an organization's change has no other organization
      manager.setOrganizationFlags("org_1", {}, "ada", "why", { organizationId: "org_2" }),
    ]);
    expect(flags.hasRules).toBe(false);
  });

  it("of the right type do compile, with any flag left out", async () => {
    const partial: DeepPartial<Config> = { limits: { maxSeats: 9 }, beta: { deep: { er: {} } } };
    await manager.setCustomerFlags("cust_1", partial, "ada", "why", { ifVersion: 0 });
    await manager.setCustomerFlags("cust_1", { note: null, labels: { tier: "gold" }, mode: "manual" });
    await manager.setOrganizationFlags("org_1", { limits: { regions: [], maxSeats: undefined } });
    const { config } = await manager.getFlags({ customerId: "cust_1" });
    expect(config.limits.maxSeats + 1).toBe(10);
    expect(config.labels["tier"]?.toUpperCase()).toBe("GOLD");
    const { regions } = config.limits;
    await manager.setCustomerFlags("cust_2", { limits: { regions }, labels: config.labels });
    expect((await manager.getFlags({ customerId: "cust_2" })).config.labels).toEqual({ tier: "gold" });
  });
});

describe("a config", () => {
  it("has the types of the defaults, in the editor too", async () => {
    const { config } = await manager.getFlags();
    expectTypeOf(config.limits.maxSeats).toEqualTypeOf<number>();
    expectTypeOf(config.limits.regions).toEqualTypeOf<readonly string[]>();
    expectTypeOf(config.note).toEqualTypeOf<string | null>();
    expectTypeOf(config.mode).toEqualTypeOf<"auto" | "manual">();
    expect(config.mode).toBe("auto");
  });

  it("is read-only at every depth", async () => {
    const { config } = await manager.getFlags();
    expect(() => {
      // @ts-expect-error read-only
      config.limits.maxSeats = 9;
    }).toThrow(TypeError);
    expect(() => {
      // @ts-expect-error read-only
      config.note = "x";
    }).toThrow(TypeError);
    expect(() => {
      // @ts-expect-error a read-only list has no push
      config.limits.regions.push("us");
    }).toThrow(TypeError);
    expect(() => {
      // @ts-expect-error read-only
      config.labels["tier"] = "gold";
    }).toThrow(TypeError);
  });
});
