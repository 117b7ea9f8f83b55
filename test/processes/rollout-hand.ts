import { FeatureFlagManager, type FlagStorage } from "../../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { openDatabase } from "./database.ts";
import { type FleetFlags, fleetFlags } from "./fleet-flags.ts";

/** Who plans and starts rollouts by hand, on the database that the processes share, and decides nothing by itself. */
export interface RolloutHand {
  readonly rollouts: PilotRolloutManager<FleetFlags>;
  readonly storage: FlagStorage;
  /** Rows of what the statement asks for in the processes' schema. */
  rows(statement: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openRolloutHand(url: string, schema: string): Promise<RolloutHand> {
  const { pool, storage, close } = await openDatabase(url, schema);
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
      await close();
    },
  });
}
