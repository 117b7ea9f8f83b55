export type {
  AdminKey,
  Attributes,
  ChangeFilter,
  CustomerRecord,
  FeedEvent,
  FeedPage,
  FlagStorage,
  InstanceRecord,
  InstanceReport,
  LockedTenant,
  OrganizationRecord,
  OverrideDecision,
  OverridePage,
  OverrideWrite,
  OverrideWritten,
  StorageState,
  StoredOverride,
  TenantFilter,
  TenantOverride,
  TenantRecord,
  TenantRef,
} from "../feature-flags/core/storage.ts";
export { casesFor } from "./contract/cases-for.ts";
export type {
  Capability,
  ContractCase,
  ContractException,
  StorageHarness,
} from "./contract/contract-case.ts";
export { storageContract } from "./contract/storage-contract.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
