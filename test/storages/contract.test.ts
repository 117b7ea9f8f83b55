import { describe, it } from "vitest";
import { casesFor, type StorageHarness } from "../../lib/testing/index.ts";
import { memoryHarness } from "./harnesses/memory.ts";

const harnesses: readonly StorageHarness[] = [memoryHarness()];

for (const harness of harnesses) {
  describe(`the storage contract on ${harness.name}`, () => {
    for (const { topic, name, run } of casesFor(harness)) it(`${topic}: ${name}`, () => run(harness));
  });
}
