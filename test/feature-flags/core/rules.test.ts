import { describe, expect, it } from "vitest";
import { defineFlags } from "../../../lib/feature-flags/core/definition.ts";
import { planFlags } from "../plan-flags.ts";

const soundConfig = planFlags().defaults;

describe("a rule that one flag needs others", () => {
  const { violations } = planFlags();

  it("holds while the flag is off, and while all it needs is on", () => {
    expect(violations(soundConfig)).toEqual([]);
    expect(violations({ ...soundConfig, beta: { search: true, sync: true } })).toEqual([]);
    expect(violations({ ...soundConfig, beta: { search: true, sync: false } })).toEqual([]);
  });

  it("is broken otherwise, and says what would mend it", () => {
    expect(violations({ ...soundConfig, beta: { search: false, sync: true } })).toEqual([
      {
        path: "beta.sync",
        message: "beta.sync needs beta.search. Turn beta.search on, or beta.sync off.",
      },
    ]);
  });

  it("names everything that is missing", () => {
    const definition = defineFlags({
      defaults: { a: false, b: false, c: true, d: false },
      rules: [{ path: "a", needs: ["b", "c", "d"] }],
    });
    expect(definition.violations({ a: true, b: false, c: true, d: false })[0]?.message).toContain(
      "needs b and d.",
    );
  });
});

describe("a rule with a check of its own", () => {
  it("says its message where the check fails", () => {
    const { violations } = planFlags();
    const limits = { ...soundConfig.limits, minSeats: 9 };
    expect(violations({ ...soundConfig, limits })).toEqual([
      { path: "limits.minSeats", message: "limits.minSeats must not exceed limits.maxSeats." },
    ]);
  });

  it("counts as broken where the check throws, and says why", () => {
    const definition = defineFlags({
      defaults: { hosts: ["a"] },
      rules: [{ path: "hosts", check: ({ hosts }) => hosts[0]?.length === 1, message: "One letter." }],
    });
    expect(definition.violations({ hosts: null })[0]?.message).toMatch(
      /^The rule "One letter\." failed while being checked: .*null/,
    );
  });

  it("cannot change what it checks", () => {
    const definition = defineFlags({
      defaults: { a: { on: false } },
      rules: [{ path: "a.on", check: (config) => !Reflect.set(config.a, "on", true), message: "Tampers." }],
    });
    expect(definition.defaults).toEqual({ a: { on: false } });
  });
});
