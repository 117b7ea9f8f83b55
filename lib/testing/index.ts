export { casesFor } from "./contract/cases-for.ts";
export type {
  Capability,
  ContractCase,
  ContractException,
  StorageHarness,
} from "./contract/contract-case.ts";
export { storageContract } from "./contract/storage-contract.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
