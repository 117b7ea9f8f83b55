import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RolloutEventInput } from "../../lib/rollout/pilot-manager.ts";
import { seededRandom } from "../faults/seeded-random.ts";
import { startWorker } from "./fleet.ts";
import type { WorkerTask } from "./orders.ts";
import { openRolloutHand, type RolloutHand } from "./rollout-hand.ts";
import { recordedCustomer } from "./steering.ts";

/** What is left of what a process recorded when it is killed, and what comes of recording it all once more. */
export interface LostRecording {
  /** Events that it may have recorded: the last of them was about to be. */
  readonly recorded: number;
  /** As many it knew to be written. */
  readonly written: number;
  /** As many it had recorded when the write before its last known one was done: the last one took them all. */
  readonly owed: number;
  readonly stored: StoredEvents;
  readonly repeated: StoredEvents;
}

/** Numbers of the events that are stored, ascending, and how many the counts know of. */
export interface StoredEvents {
  readonly numbers: readonly number[];
  readonly counted: number;
}

const FEATURE = "recorded";
const FLUSH_EVERY = 40;

/** Records one event after the other in a process, kills it at any moment, and has another one record them again. */
export async function killWhileRecording(
  { url, schema }: { url: string; schema: string },
  { kills, seed }: { kills: number; seed: number },
): Promise<LostRecording[]> {
  const directory = await mkdtemp(join(tmpdir(), "strata-recording-"));
  const hand = await openRolloutHand(url, schema);
  const random = seededRandom(seed);
  const lost: LostRecording[] = [];
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const featureName = `${FEATURE}_${kill}`;
      await serveAll(hand, featureName);
      const notes = join(directory, featureName);
      const worker = await startSteering(url, schema, FLUSH_EVERY);
      try {
        await worker.order("keepRecording", { featureName, notes });
        await delay(300 + random.below(500));
      } finally {
        await worker.kill();
      }
      const noted = parsedNotes(await readFile(notes, "utf8"));
      const stored = await storedEvents(hand, featureName);
      for (const [number, { timestamp }] of noted.entries()) {
        hand.rollouts.recordEvent(eventOf(featureName, number, timestamp));
      }
      await hand.rollouts.flush();
      const repeated = await storedEvents(hand, featureName);
      await hand.rollouts.rollbackFeature(featureName);
      lost.push({ recorded: noted.length, ...knownFrom(noted), stored, repeated });
    }
    return lost;
  } finally {
    await hand.close();
    await rm(directory, { recursive: true });
  }
}

/** Kills a process that has written `flushed` events, and recorded as many more without writing them. */
export async function killBeforeFlush(
  { url, schema }: { url: string; schema: string },
  { flushed, waiting }: { flushed: number; waiting: number },
): Promise<{ readonly stored: StoredEvents; readonly repeated: StoredEvents }> {
  const hand = await openRolloutHand(url, schema);
  try {
    await serveAll(hand, FEATURE);
    const timestamp = Date.now();
    const events = Array.from({ length: flushed + waiting }, (_, number) =>
      eventOf(FEATURE, number, timestamp),
    );
    // It writes only when it is told to.
    const worker = await startSteering(url, schema, 3_600_000);
    try {
      await worker.order("record", { events: events.slice(0, flushed), flush: true });
      await worker.order("record", { events: events.slice(flushed), flush: false });
    } finally {
      await worker.kill();
    }
    const stored = await storedEvents(hand, FEATURE);
    const successor = await startSteering(url, schema, 3_600_000);
    try {
      await successor.order("record", { events, flush: true });
    } finally {
      await successor.kill();
    }
    return { stored, repeated: await storedEvents(hand, FEATURE) };
  } finally {
    await hand.close();
  }
}

async function serveAll({ rollouts }: RolloutHand, featureName: string): Promise<void> {
  await rollouts.createRollout({
    ...{ featureName, path: "beta.search" },
    tiers: [{ name: "all", percentage: 100 }],
  });
  await rollouts.startRollout(featureName);
}

async function startSteering(url: string, schema: string, flushEvery: number) {
  const rollouts = { checkEvery: 0, flushEvery, probe: "cust_0" };
  const task: WorkerTask = { url, schema, seed: 1, tenants: 1, readBudget: 10_000, rollouts };
  const worker = await startWorker(task);
  await worker.order("steer", {});
  return worker;
}

function eventOf(featureName: string, number: number, timestamp: number): RolloutEventInput {
  return { featureName, customerId: recordedCustomer(number), event: "enabled", timestamp };
}

async function storedEvents({ rows, storage }: RolloutHand, featureName: string): Promise<StoredEvents> {
  const raw = await rows(`select customer_id from rollout_events where feature_name = '${featureName}'`);
  const numbers = raw.map((row) => Number(String(row["customer_id"]).slice("cust_".length)));
  const counts = await storage.countRolloutEvents({ featureName, since: 0, until: Date.now() + 60_000 });
  const counted = counts.reduce((sum, { count }) => sum + count, 0);
  return { numbers: numbers.toSorted((a, b) => a - b), counted };
}

interface Note {
  readonly timestamp: number;
  /** Events known to be written when this one was about to be recorded. */
  readonly written: number;
}

function parsedNotes(text: string): Note[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

function knownFrom(noted: readonly Note[]): { written: number; owed: number } {
  const written = noted.at(-1)?.written ?? 0;
  const last = noted.findIndex((note) => note.written === written);
  const before = noted[last - 1]?.written ?? 0;
  // A write begins after the one before has ended, and takes all that is there by then.
  const owed = written === 0 ? 0 : noted.findIndex((note) => note.written === before);
  return { written, owed };
}
