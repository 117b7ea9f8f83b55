import { describe, it } from "vitest";
import { type ContractCase, casesFor, type StorageHarness } from "../../../lib/testing/index.ts";

/** Each case as a test of its own; `which` keeps some of them, for a harness that is there for those alone. */
export function runContract(
  harness: StorageHarness,
  which: (one: ContractCase) => boolean = () => true,
): void {
  describe(`the storage contract on ${harness.name}`, () => {
    for (const one of casesFor(harness).filter(which))
      it(`${one.topic}: ${one.name}`, () => one.run(harness));
  });
}
