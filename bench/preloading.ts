import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FeatureFlagManager } from "../lib/feature-flags/index.ts";
import { sqliteStorage } from "../lib/storages/sqlite/index.ts";

/** Loads a million override rows from SQLite into memory. The rows are put in by SQL, as a restore would. */
const rows = Number(process.argv[2] ?? 1_000_000);
const directory = await mkdtemp(join(tmpdir(), "strata-bench-"));
const file = join(directory, "flags.db");
try {
  await (await sqliteStorage({ file })).close();
  const database = new DatabaseSync(file);
  database.exec(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
    insert into customer_feature_flags (customer_id, flags, version, revision, updated_at, updated_by)
    select 'cust_' || i, '{"experimental":{"voiceInput":true}}', 1, 1, 0, 'bench' from n`);
  database.exec("update flag_state set revision = 1");
  database.close();

  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const start = performance.now();
  const manager = new FeatureFlagManager({ storage: () => sqliteStorage({ file }), preload: true });
  await manager.ready();
  const milliseconds = performance.now() - start;
  globalThis.gc?.();
  const bytes = process.memoryUsage().heapUsed - heap;
  const evaluation = manager.peek({ customerId: `cust_${rows}` });
  if (evaluation?.config.experimental.voiceInput !== true) throw new Error("the last row is not in memory");
  await manager.close();
  process.stdout.write(`${JSON.stringify({ rows, milliseconds, bytes })}\n`);
} finally {
  await rm(directory, { recursive: true });
}
