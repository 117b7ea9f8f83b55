import { setTimeout as delay } from "node:timers/promises";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { type AcknowledgedWrite, acknowledgedIn } from "./acknowledged-write.ts";
import { runScript, type ScriptProcess } from "./script-process.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { openStorage } from "./storage-address.ts";
import { type Engine, newPlace, type StoragePlace } from "./storage-place.ts";
import type { WritingTask } from "./writing-process.ts";
import { contradictions, lostWrites, readHistory } from "./written-history.ts";

export interface KilledWritersOptions {
  readonly engine: Engine;
  readonly runs: number;
  readonly seed: number;
}

export interface KilledWritersFigures {
  readonly seed: number;
  readonly runs: number;
  readonly acknowledged: number;
  /** Acknowledged, and not wholly there afterwards. */
  readonly lost: number;
  readonly unopenable: number;
  /** Committed, and killed before it could be acknowledged. */
  readonly unsaid: number;
  readonly problems: readonly string[];
}

/** Runs on one database before a new one is begun: later kills find more behind them. */
const RUNS_PER_PLACE = 5;
/** Milliseconds: the longest the first of them lives. */
const LONGEST_LIFE = 600;
const IN_FLIGHT = 3;

/**
 * Two processes write to one database and are killed with SIGKILL at random moments, one after the other; in
 * between, the one left has to go on. After each run the database must open and hold what was acknowledged.
 */
export async function killWriters({
  engine,
  runs,
  seed,
}: KilledWritersOptions): Promise<KilledWritersFigures> {
  const random = seededRandom(seed);
  const figures = {
    seed,
    runs,
    acknowledged: 0,
    lost: 0,
    unopenable: 0,
    unsaid: 0,
    problems: [] as string[],
  };
  for (let done = 0; done < runs; done += RUNS_PER_PLACE) {
    const place = await newPlace(engine);
    try {
      const acknowledged: AcknowledgedWrite[] = [];
      for (let run = done + 1; run <= Math.min(runs, done + RUNS_PER_PLACE); run += 1) {
        acknowledged.push(...(await killTwo(place, random)));
        const found = await lookAt(place, acknowledged);
        figures.lost += found.lost;
        figures.unopenable += found.opens ? 0 : 1;
        figures.problems.push(...found.problems.map((problem) => `run ${run}: ${problem}`));
        const left = (run - done) * 2 * IN_FLIGHT;
        if (found.unsaid > left) figures.problems.push(`run ${run}: ${found.unsaid} writes nobody made`);
        if (run === Math.min(runs, done + RUNS_PER_PLACE)) figures.unsaid += found.unsaid;
      }
      figures.acknowledged += acknowledged.length;
    } finally {
      await place.remove();
    }
  }
  return figures;
}

async function killTwo(place: StoragePlace, random: SeededRandom): Promise<readonly AcknowledgedWrite[]> {
  const start = (): ScriptProcess => {
    const task: WritingTask = { address: place.address, seed: random.below(2 ** 32), inFlight: IN_FLIGHT };
    return runScript("writing-process.ts", task);
  };
  const [first, second] = [start(), start()];
  try {
    // One in four may be killed before it has the storage open.
    const from = random.below(4) === 0 ? "loaded" : "opened";
    await Promise.all([first, second].map((writer) => writer.until((lines) => lines.includes(from))));
    await delay(random.next() * LONGEST_LIFE);
    await first.kill();
    const before = acknowledgedIn(second.lines).length;
    await second.until((lines) => acknowledgedIn(lines.slice(before)).length > 0);
    await delay(random.next() * LONGEST_LIFE * 0.2);
  } finally {
    await Promise.all([first.kill(), second.kill()]);
  }
  await place.quiet();
  return [first, second].flatMap(({ lines }) => acknowledgedIn(lines));
}

/** What a place holds after a fault, against what was acknowledged there. */
export async function lookAt(
  place: StoragePlace,
  acknowledged: readonly AcknowledgedWrite[],
): Promise<{ opens: boolean; lost: number; unsaid: number; problems: readonly string[] }> {
  let storage: FlagStorage;
  try {
    storage = await openStorage(place.address);
  } catch (error) {
    return { opens: false, lost: acknowledged.length, unsaid: 0, problems: [String(error)] };
  }
  try {
    const history = await readHistory(storage);
    const lost = lostWrites(history, acknowledged);
    const problems = [
      ...lost.slice(0, 3).map((write) => `lost ${JSON.stringify(write)}`),
      ...contradictions(history),
      ...(await place.damage()),
    ];
    return { opens: true, lost: lost.length, unsaid: history.revision - acknowledged.length, problems };
  } finally {
    await storage.close();
  }
}
