import { describe, expect, it } from "vitest";
import { type ContractCase, casesFor, type StorageHarness } from "../../lib/testing/index.ts";
import { memoryHarness } from "../storages/harnesses/memory.ts";
import { sqliteHarness } from "../storages/harnesses/sqlite.ts";
import { brokenDatabases } from "./broken-databases.ts";
import { brokenLeases } from "./broken-leases.ts";
import { brokenRolloutDatabases } from "./broken-rollout-databases.ts";
import { brokenRolloutEvents } from "./broken-rollout-events.ts";
import { brokenRollouts } from "./broken-rollouts.ts";
import { brokenStorages } from "./broken-storages.ts";
import { brokenAtTheEdges } from "./broken-storages-at-the-edges.ts";

/** A check that does not hold, or a call that must be answered and was refused: never an accident of the suite. */
const BROKEN = { name: expect.stringMatching(/^(AssertionError|FlagError)$/) };

describe("the storage contract finds a storage that", () => {
  it.each([
    ...brokenStorages,
    ...brokenAtTheEdges,
    ...brokenRollouts,
    ...brokenRolloutEvents,
    ...brokenLeases,
  ])("$fault", async ({ caught, breaks }) => {
    const harness = memoryHarness("broken memory", breaks);
    await expect(named(caught, harness).run(harness)).rejects.toMatchObject(BROKEN);
  });

  it.each([...brokenDatabases, ...brokenRolloutDatabases])(
    "$fault",
    async ({ caught, breaks, harness: change = (same) => same }) => {
      const harness = change(sqliteHarness("broken sqlite", breaks));
      await expect(named(caught, harness).run(harness)).rejects.toMatchObject(BROKEN);
    },
  );
});

function named(name: string, harness: StorageHarness): ContractCase {
  const found = casesFor(harness).find((one) => one.name === name);
  if (found === undefined) throw new Error(`"${name}" is no case for ${harness.name}`);
  return found;
}
