import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import {
  FlagEvaluator,
  getCustomerFlags,
  getFeatureFlagManager,
  getOrganizationFlags,
} from "../../lib/feature-flags/index.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "strata-process-"));
  for (const name of ["STRATA_DATABASE_URL", "DATABASE_URL"]) vi.stubEnv(name, undefined);
  vi.stubEnv("STRATA_FILE", join(directory, "strata.db"));
  vi.stubEnv("STRATA_ENV", "staging");
});
afterAll(async () => {
  await getFeatureFlagManager().close();
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

it("one manager per process reads and writes the chat widget's flags where the settings say", async () => {
  const manager = getFeatureFlagManager();
  expect(getFeatureFlagManager()).toBe(manager);
  expect(manager.environment).toBe("staging");
  await manager.setCustomerFlags("cust_1", { experimental: { voiceInput: true } }, "ada", "Pilot");
  await manager.setOrganizationFlags("org_1", { experimental: { customThemes: true } });
  const customer = await getCustomerFlags("cust_1");
  expect(customer.experimental).toEqual({ aiEnhancements: false, customThemes: false, voiceInput: true });
  expect(customer.sessionPersistence.phase3.tabSync).toBe(false);
  expect((await getOrganizationFlags("org_1")).experimental.customThemes).toBe(true);
});

it("an evaluator of its own needs nothing, or a TTL, and finds the same data", async () => {
  for (const evaluator of [new FlagEvaluator(), new FlagEvaluator(1_000)]) {
    const evaluation = await evaluator.evaluate({ customerId: "cust_1" });
    expect([evaluation.source, evaluation.error]).toEqual(["customer_override", undefined]);
    expect(evaluator.getCache().get({ customerId: "cust_1" })).toBe(evaluation);
    expect(evaluator.getCounts().storageErrors).toBe(0);
  }
});
