import { openSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import type { FleetFlags } from "./fleet-flags.ts";
import { monotonicNanoseconds } from "./rollout-commits.ts";
import type { RolloutOrders, RolloutSight, SteeringTask } from "./rollout-orders.ts";

export type RolloutHandlers = {
  [K in keyof RolloutOrders]: (asked: RolloutOrders[K]["asked"]) => Promise<RolloutOrders[K]["answer"]>;
};

/** Steers rollouts beside a flag manager, as a worker process is told to. */
export function steerRollouts(
  flags: FeatureFlagManager<FleetFlags>,
  { checkEvery, flushEvery, probe }: SteeringTask,
  committed: () => readonly number[],
): RolloutHandlers & { close(): Promise<void> } {
  const rollouts = new PilotRolloutManager({ flags, checkEvery, flushEvery });
  const turns: { search: boolean; at: number }[] = [];
  const seen = async () => (await flags.getFlags({ customerId: probe })).config.beta.search;

  async function sight(featureName: string): Promise<RolloutSight> {
    const known = await rollouts.getRolloutConfig(featureName);
    const { status, tier, version } = known ?? {};
    return { status, tier, version, search: await seen(), turns, committed: committed() };
  }

  async function recordOn(featureName: string, notes: string): Promise<never> {
    const file = openSync(notes, "a");
    for (let number = 0; ; number += 1) {
      const timestamp = Date.now();
      const { written } = rollouts.getEventStats();
      const event = {
        featureName,
        customerId: recordedCustomer(number),
        event: "enabled",
        timestamp,
      } as const;
      // What a process has written to a file survives it.
      writeSync(file, `${JSON.stringify({ timestamp, written })}\n`);
      rollouts.recordEvent(event);
      // So few that one batch holds all that waits.
      await delay(1);
    }
  }

  return Object.freeze({
    async steer() {
      await rollouts.listRollouts();
      flags.on(
        "change",
        ({ evaluation }) => turns.push({ search: evaluation.config.beta.search, at: monotonicNanoseconds() }),
        { customerId: probe },
      );
      await seen();
      return flags.rollouts.instanceId;
    },
    async record({ events, flush }) {
      for (const event of events) rollouts.recordEvent(event);
      if (flush) await rollouts.flush();
      return rollouts.getEventStats();
    },
    async keepRecording({ featureName, notes }) {
      void recordOn(featureName, notes);
      return null;
    },
    rollout: ({ featureName }) => sight(featureName),
    close: () => rollouts.close(),
  });
}

/** Whose event it is that is recorded as the `number`-th, from 0. */
export function recordedCustomer(number: number): string {
  return `cust_${number}`;
}
