import { type ContractCase, isEquipped, missing, type StorageHarness } from "./contract-case.ts";
import { storageContract } from "./storage-contract.ts";

/**
 * The cases to run against the storages of `harness`: all of them but its listed exceptions. Throws where an
 * exception names no case or has no reason, and where a case needs what the harness lacks: nothing is left out
 * in silence.
 *
 * @example
 * for (const { topic, name, run } of casesFor(harness)) test(`${topic}: ${name}`, () => run(harness));
 */
export function casesFor(
  harness: StorageHarness,
  contract: readonly ContractCase[] = storageContract,
): readonly ContractCase[] {
  const excepted = new Set<string>();
  for (const exception of harness.without ?? []) {
    if (!contract.some((one) => one.name === exception.case)) {
      throw new Error(`The harness "${harness.name}" excepts "${exception.case}", which is no case.`);
    }
    if (exception.reason.trim() === "") {
      throw new Error(`The harness "${harness.name}" gives no reason for excepting "${exception.case}".`);
    }
    excepted.add(exception.case);
  }
  const cases = contract.filter((one) => !excepted.has(one.name));
  for (const one of cases) {
    if (!isEquipped(harness, one.needs)) throw new Error(`"${one.name}": ${missing(harness, one.needs)}`);
  }
  return cases;
}
