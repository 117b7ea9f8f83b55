import { chatWidgetFlags } from "../../lib/chat-widget/default-config.ts";
import {
  type ChatWidgetFeatureFlags,
  FeatureFlagManager,
  type FeatureFlagManagerOptions,
  type FlagStorage,
} from "../../lib/feature-flags/index.ts";
import { type ManualClock, manualClock, type StorageHarness } from "../../lib/testing/index.ts";
import { type PlanFlags, planFlags } from "./plan-flags.ts";

/** One database, and managers on it. */
export class World {
  readonly harness: StorageHarness;
  readonly storage: FlagStorage;
  readonly clock: ManualClock = manualClock();
  readonly #managers: { close(): Promise<void> }[] = [];

  private constructor(harness: StorageHarness, storage: FlagStorage) {
    this.harness = harness;
    this.storage = storage;
  }

  static async on(harness: StorageHarness): Promise<World> {
    return new World(harness, await harness.open());
  }

  chat(options: FeatureFlagManagerOptions<ChatWidgetFeatureFlags> = {}) {
    const { storage, clock } = this;
    return this.#keep(
      new FeatureFlagManager({
        definition: chatWidgetFlags,
        environment: "production",
        ...{ storage, clock },
        ...options,
      }),
    );
  }

  plan(options: FeatureFlagManagerOptions<PlanFlags> = {}) {
    const { storage, clock } = this;
    return this.#keep(
      new FeatureFlagManager<PlanFlags>({
        definition: planFlags(),
        environment: "production",
        ...{ storage, clock },
        ...options,
      }),
    );
  }

  /** Another storage on the same data, as another process has it; where there can be no other, the same. */
  async another(): Promise<FlagStorage> {
    return (await this.harness.another?.()) ?? this.storage;
  }

  async close(): Promise<void> {
    for (const manager of this.#managers) await manager.close();
    await this.harness.close();
  }

  #keep<Manager extends { close(): Promise<void> }>(manager: Manager): Manager {
    this.#managers.push(manager);
    return manager;
  }
}

export interface Flow {
  readonly name: string;
  readonly run: (world: World) => Promise<void>;
}

/** Who asks, unless a flow says otherwise. */
export const both = { customerId: "cust_123", organizationId: "org_456" };
