import { flushCompileCache } from "node:module";
import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { acknowledgement } from "./acknowledged-write.ts";
import { openStorage, type StorageAddress } from "./storage-address.ts";

/** What a starting process is told to do: to start, and to die on the way. */
export interface StartingTask {
  readonly address: StorageAddress;
  /** Before which statement it kills itself, counted from 1. Without one it lives to its end. */
  readonly killAt?: number;
}

const { address, killAt }: StartingTask = JSON.parse(process.argv[2] ?? "");
let statements = 0;

flushCompileCache();
process.stdout.write("loaded\n");
const storage = await openStorage(address, {
  onQuery() {
    statements += 1;
    if (statements === killAt) process.kill(process.pid, "SIGKILL");
  },
});
process.stdout.write("opened\n");
await storage.addFirstAdminKey({
  id: "first",
  role: "admin",
  name: "first start",
  secretHash: "0".repeat(64),
  createdAt: Date.now(),
});
const manager = new FeatureFlagManager({ storage, environment: "production" });
const tenant = { kind: "customer", id: "cust_first" } as const;
const set = { "experimental.voiceInput": true };
const { version, revision = 0, changeId = "" } = await manager.updateOverride(tenant, { set });
const changes = [{ path: "experimental.voiceInput", newOverride: true }];
process.stdout.write(acknowledgement({ tenant, version, revision, changeId, changes }));
await manager.close();
await storage.close();
process.stdout.write(`complete after ${statements} statements\n`);
