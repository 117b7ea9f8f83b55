import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { fitOverride } from "../../lib/feature-flags/core/fit.ts";
import { mergeOverrides } from "../../lib/feature-flags/core/merge.ts";
import { defineFlags, detectChanges, isFlagError, mergeFlags } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { GARBAGE, nestedList, nestedObject, POLLUTION, prototypeState } from "./hostile-values.ts";
import { planFlags, planManager } from "./plan-flags.ts";

const definition = planFlags();
const shape = { a: { b: { c: 1 } }, list: [1], open: {} };

/** Every way by which an object from outside gets in; each takes one and must answer, or refuse with a FlagError. */
const ENTRIES: readonly (readonly [name: string, enter: (hostile: never) => unknown])[] = [
  ["defineFlags defaults", (hostile) => defineFlags({ defaults: hostile })],
  [
    "defineFlags environments",
    (hostile) => defineFlags({ defaults: shape, environments: { test: hostile } }),
  ],
  ["defineFlags environment names", (hostile) => defineFlags({ defaults: shape, environments: hostile })],
  ["defineFlags descriptions", (hostile) => defineFlags({ defaults: shape, describe: hostile })],
  ["mergeFlags defaults", (hostile) => mergeFlags(hostile, {})],
  ["mergeFlags overrides", (hostile) => mergeFlags(shape, hostile)],
  ["mergeFlags both", (hostile) => mergeFlags(hostile, hostile)],
  ["mergeOverrides stored", (hostile) => mergeOverrides(hostile, { a: 1 })],
  ["mergeOverrides patch", (hostile) => mergeOverrides({}, hostile)],
  ["detectChanges old", (hostile) => detectChanges(hostile, {})],
  ["detectChanges new", (hostile) => detectChanges({}, hostile)],
  ["detectChanges copies", (hostile) => detectChanges({ list: [hostile] }, { list: [copyOf(hostile)] })],
  ["detectChanges lists", () => detectChanges({ list: nestedList(5_000) }, { list: nestedList(5_000) })],
  ["detectChanges by shape", (hostile) => detectChanges(hostile, shape, shape)],
  ["fitOverride", (hostile) => fitOverride(definition, "customer_override", hostile)],
  ["violations", (hostile) => definition.violations(hostile)],
  ["setCustomerFlags", (hostile) => planManager().manager.setCustomerFlags("cust_1", hostile)],
  ["setOrganizationFlags", (hostile) => planManager().manager.setOrganizationFlags("org_1", hostile)],
  ["a change", (hostile) => planManager().manager.updateOverride({ kind: "customer", id: "c" }, hostile)],
  ["paths to unset", (hostile) => planManager().manager.unsetCustomerFlags("cust_1", hostile)],
  [
    "who writes",
    (hostile) => planManager().manager.updateOverride({ kind: "customer", id: "c" }, {}, hostile),
  ],
  ["whom to write to", (hostile) => planManager().manager.updateOverride(hostile, { set: { plan: "x" } })],
  ["who asks", (hostile) => planManager().manager.getFlags(hostile)],
  ["a stored override", readStored],
  ["a storage that saves without a definition", saveUnchecked],
];

/** Reads a tenant whose stored flags are `hostile`, and one beside it. */
async function readStored(hostile: never): Promise<unknown> {
  const memory = memoryStorage();
  await memory.saveCustomerFlags("cust_2", { plan: "gold" });
  const { manager } = planManager({
    storage: {
      ...memory,
      async readTenant(context) {
        const record = await memory.readTenant(context);
        const stored = { flags: hostile, version: 1, revision: 1, updatedAt: 0, updatedBy: undefined };
        return context.customerId === "cust_1" ? { ...record, customer: stored } : record;
      },
    },
  });
  const evaluation = await manager.getFlags({ customerId: "cust_1" });
  expect(evaluation.error).toBeUndefined();
  expect(Reflect.get(evaluation.config, "polluted")).toBeUndefined();
  expect((await manager.getFlags({ customerId: "cust_2" })).config).toEqual({
    ...definition.defaults,
    plan: "gold",
  });
  return evaluation;
}

async function saveUnchecked(hostile: never): Promise<unknown> {
  const storage = memoryStorage();
  await storage.saveCustomerFlags("cust_1", hostile);
  await storage.saveCustomerFlags("cust_1", hostile);
  const { manager } = planManager({ storage });
  return await manager.getFlags({ customerId: "cust_1" });
}

/** Equal, and at no depth the same object, where JSON can say it. */
function copyOf(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) return nestedList(5_000);
    return value;
  }
}

/** The outcome, which may be anything but an error of another kind. */
async function outcome(enter: () => unknown): Promise<"taken" | "refused"> {
  try {
    await enter();
    return "taken";
  } catch (error) {
    if (isFlagError(error)) return "refused";
    throw error;
  }
}

let before = "";
beforeAll(() => {
  before = prototypeState();
});
afterEach(() => {
  expect(prototypeState()).toBe(before);
  expect(Reflect.get({}, "polluted")).toBeUndefined();
  expect(Reflect.get([], "polluted")).toBeUndefined();
});

describe.each(ENTRIES)("through %s", (_, enter) => {
  it("nothing reaches a prototype", async () => {
    for (const json of POLLUTION) {
      await outcome(() => enter(JSON.parse(json) as never));
      expect([json, prototypeState() === before]).toEqual([json, true]);
      expect(Reflect.get({}, "polluted")).toBeUndefined();
    }
  });

  it("no depth runs the stack out", async () => {
    const bombs = [
      nestedObject(5_000),
      nestedObject(5_000, "limits"),
      nestedList(5_000),
      { list: nestedList(5_000), limits: { regions: nestedList(5_000) }, a: { b: nestedObject(5_000, "c") } },
      { labels: nestedObject(5_000), open: nestedObject(5_000), set: nestedObject(5_000, "a") },
    ];
    for (const bomb of bombs) await outcome(() => enter(bomb as never));
  });

  it("garbage is answered, or refused with a code", async () => {
    for (const garbage of GARBAGE) await outcome(() => enter(garbage as never));
  });
});

describe("what was refused", () => {
  it("says so: each pollution of a patch is named by its key or path", async () => {
    for (const json of POLLUTION) {
      const { manager, storage } = planManager();
      const write = manager.setCustomerFlags("cust_1", JSON.parse(json));
      await expect(write).rejects.toSatisfy(
        (error) =>
          isFlagError(error) && ["INVALID_PATCH", "UNKNOWN_PATH", "TYPE_MISMATCH"].includes(error.code),
      );
      expect((await storage.readState()).revision).toBe(0);
    }
  });
});
