import { FeatureFlagManager, isFlagError } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";

/** What a process is told to do until it has nothing more to do. */
export interface EndingTask {
  /** A SQLite file; memory without one. */
  readonly file?: string;
  /** Where the last good state is kept. */
  readonly snapshot: string;
  readonly ending: "close" | "leave open" | "wait for an instance that lags";
}

const { file, snapshot, ending }: EndingTask = JSON.parse(process.argv[2] ?? "");
const say = (line: string) => process.stdout.write(`${line}\n`);
const customer = { customerId: "cust_1" };

const storage = file === undefined ? memoryStorage() : await sqliteStorage({ file });
const manager = new FeatureFlagManager({
  storage: async () => storage,
  environment: "production",
  preload: true,
  snapshot,
});
await manager.ready();
manager.on("change", ({ changes }) => say(`told of ${changes.length}`), customer);
await manager.getFlags(customer);
await manager.getFlags({ customerId: "cust_2" }, { fresh: true });
const { revision = -1 } = await manager.setCustomerFlags("cust_1", { experimental: { voiceInput: true } });
const { instances } = await manager.waitForPropagation(revision);
say(`${instances} have it`);

if (ending === "wait for an instance that lags") {
  const { epoch } = await storage.readState();
  const lagging = { id: "lagging", pid: 1, version: "0", epoch, revision: 0, seenAt: Date.now() };
  await storage.reportInstance(lagging);
  try {
    await manager.waitForPropagation(revision, { timeout: 100 });
  } catch (error) {
    say(isFlagError(error, "NOT_PROPAGATED") ? "waited" : String(error));
  }
}
if (ending === "close") {
  const { storageLost } = manager.getStats();
  await manager.close();
  say(`closed, lost: ${storageLost !== undefined}`);
}
const timers = process.getActiveResourcesInfo().filter((resource) => /Timeout|FSEvent/.test(resource));
say(`left: ${timers.join() || "nothing"}`);
