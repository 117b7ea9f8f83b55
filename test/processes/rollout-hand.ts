import pg from "pg";
import { FeatureFlagManager, type FlagStorage } from "../../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { postgresStorage } from "../../lib/storages/postgres/index.ts";
import { type FleetFlags, fleetFlags } from "./fleet-flags.ts";
import { notedRolloutCommits } from "./rollout-commits.ts";

/** Who plans and starts rollouts by hand, on the database that the processes share, and decides nothing by itself. */
export interface RolloutHand {
  readonly rollouts: PilotRolloutManager<FleetFlags>;
  readonly storage: FlagStorage;
  /** When commits were sent from here that wrote a rollout: see `RolloutSight`. */
  committed(): readonly number[];
  /** Rows of what the statement asks for in the processes' schema. */
  rows(statement: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openRolloutHand(url: string, schema: string): Promise<RolloutHand> {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on("error", () => undefined);
  const noted = notedRolloutCommits(pool);
  const storage = await postgresStorage({ pool: noted.pool, schema });
  const flags = new FeatureFlagManager({
    definition: fleetFlags,
    environment: "production",
    storage,
    readBudget: 10_000,
  });
  const rollouts = new PilotRolloutManager({ flags, checkEvery: 0, flushEvery: 20 });
  return Object.freeze({
    rollouts,
    storage,
    committed: noted.sent,
    async rows(statement: string) {
      const client = await pool.connect();
      try {
        await client.query(`set search_path to ${client.escapeIdentifier(schema)}`);
        return (await client.query<Record<string, unknown>>(statement)).rows;
      } finally {
        // The search path must not be the next one's.
        client.release(true);
      }
    },
    async close() {
      await rollouts.close();
      await flags.close();
      await storage.close();
      await pool.end();
    },
  });
}
