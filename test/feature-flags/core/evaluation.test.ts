import { expect, it } from "vitest";
import { FlagError } from "../../../lib/feature-flags/core/errors.ts";
import { Evaluation } from "../../../lib/feature-flags/core/evaluation.ts";
import { createResolver } from "../../../lib/feature-flags/core/layers.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { planFlags } from "../plan-flags.ts";

const definition = planFlags();
const resolved = createResolver(definition, definition.environment("staging")).resolve({
  customer: { flags: { plan: "gold", labels: {} }, version: 3, revision: 9, updatedAt: 0, updatedBy: "ada" },
});
const evaluation = new Evaluation(definition, resolved, { evaluatedAt: 5, revision: 12 });

it("says of each leaf which layer set it, also where the value is an empty object", () => {
  expect(evaluation.sourceOf("plan")).toBe("customer_override");
  expect(evaluation.sourceOf("labels")).toBe("customer_override");
  expect(evaluation.sourceOf("beta.search")).toBe("environment");
  expect(evaluation.sourceOf("note")).toBe("default");
});

it("refuses a path that the definition lacks, a branch's too", () => {
  for (const path of ["plans", "beta", "", "__proto__", "constructor"]) {
    const typed: "plan" = JSON.parse(JSON.stringify(path));
    expect(() => evaluation.sourceOf(typed)).toThrowError(expect.objectContaining({ code: "UNKNOWN_PATH" }));
  }
  for (const path of ["null", "5", "{}"]) {
    const typed: "plan" = JSON.parse(path);
    expect(() => evaluation.sourceOf(typed)).toThrowError(expect.objectContaining({ code: "UNKNOWN_PATH" }));
  }
});

it("given again as stale, says the same of everything but that", () => {
  const error = new FlagError("STORAGE_UNAVAILABLE", "down");
  const stale = evaluation.asStale(error);
  expect(stale).toEqual(expect.objectContaining({ ...evaluation, stale: true, error }));
  expect(stale.config).toBe(evaluation.config);
  expect(stale.sourceOf("plan")).toBe("customer_override");
  expect([evaluation.stale, evaluation.error]).toEqual([false, undefined]);
  expect(changeablePlaces(stale)).toEqual([]);
});

it("shows in JSON what it says, and nothing of its insides", () => {
  expect(Object.keys(JSON.parse(JSON.stringify(evaluation))).sort()).toEqual(
    ["config", "evaluatedAt", "mismatches", "revision", "source", "stale", "version", "violations"].sort(),
  );
});
