import type { Rollout } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import type { RolloutEvent } from "../../feature-flags/core/storage.ts";
import { admission } from "./admission.ts";
import { createEventBuffer, type EventBuffer, type EventBufferStats, type LeftOut } from "./event-buffer.ts";
import { type CheckedEvent, checkedEvent } from "./event-input.ts";
import { tierAt } from "./tiers.ts";

export interface EventRecorderOptions {
  /** Events held at most. */
  readonly capacity: number;
  /** Milliseconds between two writes. */
  readonly every: number;
  /** Resolves once the rollouts in memory can be relied on. */
  readonly loaded: () => Promise<void>;
}

export interface EventRecorder {
  /** Takes an event of any shape. Never throws. */
  record(event: unknown): void;
  flush(): Promise<void>;
  close(): Promise<void>;
  stats(): EventBufferStats;
}

/** An event that waits to be written. Without its rollout it still has to be asked whether it counts. */
interface Waiting {
  readonly event: CheckedEvent;
  readonly rollout: Rollout | undefined;
}

const BATCH = 5_000;

/** Records events: checks what it can at once, and the rest, such as a customer's organization, when it writes. */
export function createEventRecorder<C extends object>(
  access: RolloutAccess<C>,
  options: EventRecorderOptions,
): EventRecorder {
  const { clock, log } = access;
  const { capacity, every } = options;
  const write = async (batch: readonly Waiting[]): Promise<LeftOut> => {
    const { rows, leftOut } = await countable(access, options.loaded, batch);
    if (rows.length > 0) await access.record((storage) => storage.recordRolloutEvents(rows));
    return leftOut;
  };
  const buffer: EventBuffer<Waiting> = createEventBuffer({
    clock,
    log,
    write,
    capacity,
    batch: BATCH,
    every,
  });

  function take(input: unknown): void {
    const event = checkedEvent(input, clock.now());
    if (typeof event === "string") {
      buffer.drop(event);
      return;
    }
    const rollout = access.get(event.featureName);
    if (rollout === undefined) {
      buffer.add({ event, rollout });
      return;
    }
    const answer = admission(rollout, event, event.organizationId, false);
    if (answer === "not served") buffer.drop("notServed");
    else buffer.add({ event, rollout: answer === "counts" ? rollout : undefined });
  }

  return Object.freeze({
    record(input: unknown): void {
      try {
        take(input);
      } catch (error) {
        // What a caller hands over may throw when it is looked at.
        log.warn("rollout-events:unreadable", { error }, "A rollout event could not be read.");
        buffer.drop("invalid");
      }
    },
    flush: () => buffer.flush(),
    close: () => buffer.close(),
    stats: () => buffer.stats(),
  });
}

/** The rows to write for a batch, and how many of it do not count. */
async function countable<C extends object>(
  access: RolloutAccess<C>,
  loaded: () => Promise<void>,
  batch: readonly Waiting[],
): Promise<{ readonly rows: readonly RolloutEvent[]; readonly leftOut: LeftOut }> {
  const unclear = batch.filter(({ rollout }) => rollout === undefined);
  if (unclear.length > 0) await loaded();
  const organizations = await organizationsOf(
    access,
    unclear.filter(({ event }) => access.get(event.featureName) !== undefined),
  );
  const rows: RolloutEvent[] = [];
  let unknown = 0;
  let notServed = 0;
  for (const { event, rollout = access.get(event.featureName) } of batch) {
    if (rollout === undefined) {
      unknown += 1;
      continue;
    }
    const organizationId = event.organizationId ?? organizations.get(event.customerId);
    if (admission(rollout, event, organizationId, true) === "counts") rows.push(rowOf(event, rollout));
    else notServed += 1;
  }
  return { rows, leftOut: { unknown, notServed } };
}

async function organizationsOf<C extends object>(
  access: RolloutAccess<C>,
  waiting: readonly Waiting[],
): Promise<ReadonlyMap<string, string | undefined>> {
  const ids = [...new Set(waiting.map(({ event }) => event.customerId))];
  if (ids.length === 0) return new Map();
  const customers = await access.read((storage) => storage.readCustomers(ids));
  return new Map(customers.map(({ id, organizationId }) => [id, organizationId]));
}

function rowOf(
  { featureName, customerId, event, timestamp, metadata }: CheckedEvent,
  rollout: Rollout,
): RolloutEvent {
  return { featureName, customerId, event, timestamp, tier: tierAt(rollout, timestamp), metadata };
}
