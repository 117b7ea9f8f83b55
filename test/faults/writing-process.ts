import { flushCompileCache } from "node:module";
import { DatabaseSync } from "node:sqlite";
import type { TenantRef } from "../../lib/feature-flags/core/storage.ts";
import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { acknowledgement } from "./acknowledged-write.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { withPragma } from "./sqlite-pragma.ts";
import { openStorage, type StorageAddress } from "./storage-address.ts";

/** What a writing process is told to do. It writes until it is killed, and says each write it is told has succeeded. */
export interface WritingTask {
  readonly address: StorageAddress;
  readonly seed: number;
  /** Writes begun and not yet acknowledged, at any time. */
  readonly inFlight: number;
  /** Has SQLite promise less than the storage asks for: shows that an experiment sees what is lost. */
  readonly synchronous?: "off" | "normal";
  /** Writes between two checkpoints made from outside; without it SQLite makes them when it sees fit. */
  readonly checkpointEvery?: number;
}

// The flags that no rule of the chat widget ties to others: every combination of them is sound.
const PATHS = [
  "sessionPersistence.phase1.crossDomainMessaging",
  "sessionPersistence.phase1.autoRestore",
  "sessionPersistence.phase2.connectionMonitoring",
  "sessionPersistence.phase2.retryLogic",
  "sessionPersistence.phase2.offlineMode",
  "sessionPersistence.phase3.performanceMode",
  "sessionPersistence.phase3.sessionTracking",
  "sessionPersistence.phase3.analytics",
  "experimental.aiEnhancements",
  "experimental.customThemes",
  "experimental.voiceInput",
] as const;

// Few, so that the writers meet on the same rows.
const TENANTS: readonly TenantRef[] = [
  ...["cust_1", "cust_2", "cust_3", "cust_ünïcode", "cust'; --"].map(
    (id) => ({ kind: "customer", id }) as const,
  ),
  ...["org_1", "org_12"].map((id) => ({ kind: "organization", id }) as const),
];

const task: WritingTask = JSON.parse(process.argv[2] ?? "");
flushCompileCache();
process.stdout.write("loaded\n");
if (task.synchronous !== undefined) {
  withPragma("pragma synchronous = full", `pragma synchronous = ${task.synchronous}`);
}
const storage = await openStorage(task.address);
process.stdout.write("opened\n");
const manager = new FeatureFlagManager({ storage, environment: "production" });
const checkpoint = checkpoints(task);
const random = seededRandom(task.seed);
await Promise.all(Array.from({ length: task.inFlight }, writeOn));

async function writeOn(): Promise<never> {
  for (;;) {
    const tenant = random.pick(TENANTS);
    const meta = { changedBy: "writer", reason: `Write of process ${process.pid}` };
    const { version, revision, changeId, changes } = await manager.updateOverride(
      tenant,
      change(random),
      meta,
    );
    if (revision === undefined || changeId === undefined) continue;
    const leaves = changes.map(({ path, newOverride }) =>
      newOverride === undefined ? { path } : { path, newOverride },
    );
    process.stdout.write(acknowledgement({ tenant, version, revision, changeId, changes: leaves }));
    checkpoint();
  }
}

function change({ next, below, pick }: SeededRandom) {
  if (next() < 0.15) return { unset: [pick(PATHS)] };
  const chosen = new Set(Array.from({ length: 1 + below(3) }, () => pick(PATHS)));
  return { set: Object.fromEntries([...chosen].map((path) => [path, next() < 0.5])) };
}

function checkpoints({ address, checkpointEvery }: WritingTask): () => void {
  if (checkpointEvery === undefined || !("file" in address)) return () => {};
  const database = new DatabaseSync(address.file);
  const statement = database.prepare("pragma wal_checkpoint(truncate)");
  let writes = 0;
  return () => {
    writes += 1;
    if (writes % checkpointEvery === 0) statement.all();
  };
}
