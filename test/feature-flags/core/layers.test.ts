import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineFlags } from "../../../lib/feature-flags/core/definition.ts";
import { createResolver } from "../../../lib/feature-flags/core/layers.ts";
import type { StoredOverride } from "../../../lib/feature-flags/core/storage.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { GARBAGE } from "../hostile-values.ts";
import { planFlags } from "../plan-flags.ts";

function stored(flags: unknown, version = 1): StoredOverride {
  return { flags, version, revision: version, updatedAt: 0, updatedBy: undefined };
}

function resolver(resolution: "first-match" | "cascade", environment = "production") {
  const definition = planFlags(resolution);
  return createResolver(definition, definition.environment(environment));
}

describe("resolving", () => {
  it("answers a tenant without overrides with one shared object", () => {
    const { base, resolve } = resolver("cascade");
    expect(resolve({})).toBe(base);
    expect(resolve({ customer: stored({}), organization: stored({}) })).toBe(base);
  });

  it("under first-match, lets the customer's override stand alone", () => {
    const { resolve } = resolver("first-match");
    const resolved = resolve({
      organization: stored({ plan: "team", note: "of the organization" }, 4),
      customer: stored({ plan: "gold" }, 2),
    });
    expect(resolved.config).toMatchObject({ plan: "gold", note: null });
    expect(resolved).toMatchObject({ source: "customer_override", version: 2 });
  });

  it("under cascade, takes every layer, the customer's on top", () => {
    const resolved = resolver("cascade").resolve({
      organization: stored({ plan: "team", note: "of the organization" }, 4),
      customer: stored({ plan: "gold" }, 2),
    });
    expect(resolved.config).toMatchObject({ plan: "gold", note: "of the organization" });
    expect(resolved.layers.map(({ source, version }) => [source, version])).toEqual([
      ["customer_override", 2],
      ["organization_override", 4],
    ]);
  });

  it("lets an override nothing of which fits hide nothing, and says what is wrong with it", () => {
    for (const resolution of ["first-match", "cascade"] as const) {
      const resolved = resolver(resolution).resolve({
        organization: stored({ plan: "team" }),
        customer: stored({ plan: 7, gone: true }),
      });
      expect(resolved).toMatchObject({ source: "organization_override", config: { plan: "team" } });
      expect(resolved.mismatches).toHaveLength(2);
    }
  });

  it("serves what breaks a rule, and lists what it breaks", () => {
    const resolved = resolver("cascade").resolve({ customer: stored({ beta: { sync: true } }) });
    expect(resolved.config.beta).toEqual({ search: false, sync: true });
    expect(resolved.violations.map(({ path }) => path)).toEqual(["beta.sync"]);
    expect(changeablePlaces(resolved.violations)).toEqual([]);
  });

  it.each(["first-match", "cascade"] as const)("never throws under %s, whatever is stored", (resolution) => {
    const { resolve, base } = resolver(resolution, "staging");
    for (const flags of GARBAGE) {
      const both = resolve({ customer: stored(flags), organization: stored(flags) });
      expect(changeablePlaces(both.config)).toEqual([]);
      const alone = resolve({ customer: stored(flags), organization: stored({ plan: "team" }) });
      expect(Object.keys(alone.config)).toEqual(Object.keys(base.config));
    }
  });

  it("gives each leaf the value of the highest layer that sets it", () => {
    const definition = defineFlags({
      defaults: { a: 0, b: { c: 0, d: 0 } },
      environments: { test: { b: { c: 10 } } },
    });
    const { resolve } = createResolver(definition, definition.environment("test"));
    const value = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
    const flags = fc.record({ a: value, b: fc.record({ c: value, d: value }) });
    fc.assert(
      fc.property(flags, flags, (customer, organization) => {
        const { config } = resolve({
          customer: stored(JSON.parse(JSON.stringify(customer))),
          organization: stored(JSON.parse(JSON.stringify(organization))),
        });
        expect(config).toEqual({
          a: customer.a ?? organization.a ?? 0,
          b: { c: customer.b.c ?? organization.b.c ?? 10, d: customer.b.d ?? organization.b.d ?? 0 },
        });
      }),
    );
  });
});
