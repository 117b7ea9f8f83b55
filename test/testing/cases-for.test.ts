import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { casesFor, type StorageHarness, storageContract } from "../../lib/testing/index.ts";
import { memoryHarness } from "../storages/harnesses/memory.ts";

describe("the cases of a harness", () => {
  it("are the whole contract but its exceptions, each named once", () => {
    const harness = memoryHarness();
    const excepted = (harness.without ?? []).map((exception) => exception.case);
    const names = casesFor(harness).map((one) => one.name);
    expect([...names, ...excepted].toSorted()).toEqual(storageContract.map((one) => one.name).toSorted());
    expect(new Set(storageContract.map((one) => one.name)).size).toBe(storageContract.length);
  });

  it("are refused where an exception names no case", () => {
    const without = [...(memoryHarness().without ?? []), { case: "no such sentence", reason: "none" }];
    expect(() => casesFor({ ...memoryHarness(), without })).toThrow(/"no such sentence", which is no case/);
  });

  it("are refused where an exception has no reason", () => {
    const without = (memoryHarness().without ?? []).map((exception) => ({ ...exception, reason: " " }));
    expect(() => casesFor({ ...memoryHarness(), without })).toThrow(/no reason/);
  });

  it("are refused where a capability is missing without an exception", () => {
    const without = (memoryHarness().without ?? []).filter(
      (one) => !one.case.startsWith("closing and reopening"),
    );
    expect(() => casesFor({ ...memoryHarness(), without })).toThrow(/"memory" lacks reopen/);
  });

  it("close what they opened, whether they hold or not", async () => {
    const calls: string[] = [];
    const harness: StorageHarness = {
      name: "counted",
      async open() {
        calls.push("open");
        return memoryStorage();
      },
      async close() {
        calls.push("close");
      },
    };
    const broken: StorageHarness = {
      ...harness,
      open: async () => ({ ...(await harness.open()), readState: async () => ({ epoch: "e", revision: 7 }) }),
    };
    const fresh = storageContract.find((one) => one.name === "a fresh storage is empty");
    await fresh?.run(harness);
    await expect(fresh?.run(broken)).rejects.toThrow();
    expect(calls).toEqual(["open", "close", "open", "close"]);
  });

  it("say what is missing when run on a harness that lacks it", async () => {
    const reopening = storageContract.find((one) => one.needs.includes("reopen"));
    await expect(reopening?.run(memoryHarness())).rejects.toThrow(/"memory" lacks reopen/);
  });
});
