// One of the processes that watch the same tenant. Notes when it sees what; says so when asked.
import pg from "pg";
import { FeatureFlagManager } from "../lib/feature-flags/index.ts";
import { postgresStorage } from "../lib/storages/postgres/index.ts";
import { BARE_CHANNEL, nanoseconds, PROBE, type Seen, watchedFlags } from "./propagation-probe.ts";

const url = process.argv[2] ?? "";
let flags: Seen[] = [];
let bare: Seen[] = [];

const listener = new pg.Client({ connectionString: url });
await listener.connect();
listener.on("notification", ({ payload }) => bare.push([Number(payload), nanoseconds()]));
await listener.query(`listen ${BARE_CHANNEL}`);

const storage = await postgresStorage({ url });
const manager = new FeatureFlagManager({
  definition: watchedFlags,
  environment: "production",
  storage,
});
await manager.getFlags({ customerId: PROBE });
manager.on("change", ({ evaluation }) => flags.push([evaluation.config.limits.seats, nanoseconds()]), {
  customerId: PROBE,
});

process.on("message", (order) => {
  if (order === "seen") {
    process.send?.({ flags, bare, mode: storage.feedMode?.() ?? "not told" });
    flags = [];
    bare = [];
  } else if (order === "revision") {
    process.send?.(manager.getStats().feed.revision ?? -1);
  }
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
