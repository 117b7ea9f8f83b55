import { adminKeys } from "./admin-keys.ts";
import { audit } from "./audit.ts";
import { auditRefused } from "./audit-refused.ts";
import { concurrency } from "./concurrency.ts";
import type { ContractCase } from "./contract-case.ts";
import { directory } from "./directory.ts";
import { directorySearch } from "./directory-search.ts";
import { faults } from "./faults.ts";
import { feed } from "./feed.ts";
import { instances } from "./instances.ts";
import { leases } from "./leases.ts";
import { lifecycle } from "./lifecycle.ts";
import { overridePaging } from "./override-paging.ts";
import { reading } from "./reading.ts";
import { rolloutAudit } from "./rollout-audit.ts";
import { rolloutConcurrency } from "./rollout-concurrency.ts";
import { rolloutEvents } from "./rollout-events.ts";
import { rolloutExpiry } from "./rollout-expiry.ts";
import { rolloutFaults } from "./rollout-faults.ts";
import { rollouts } from "./rollouts.ts";
import { sharedData } from "./shared-data.ts";
import { versions } from "./versions.ts";
import { writing } from "./writing.ts";

/** Everything a `FlagStorage` must do, as sentences that can be run. Each case's name is there once. */
export const storageContract: readonly ContractCase[] = Object.freeze([
  ...lifecycle,
  ...reading,
  ...writing,
  ...versions,
  ...audit,
  ...auditRefused,
  ...feed,
  ...instances,
  ...overridePaging,
  ...directory,
  ...directorySearch,
  ...adminKeys,
  ...concurrency,
  ...sharedData,
  ...rollouts,
  ...rolloutAudit,
  ...rolloutEvents,
  ...rolloutExpiry,
  ...leases,
  ...rolloutConcurrency,
  ...faults,
  ...rolloutFaults,
]);
