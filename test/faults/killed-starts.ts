import { setTimeout as delay } from "node:timers/promises";
import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { FeatureFlagManager, isFlagError } from "../../lib/feature-flags/index.ts";
import { type AcknowledgedWrite, acknowledgedIn } from "./acknowledged-write.ts";
import { lookAt } from "./killed-writers.ts";
import { fillAsFirstVersion } from "./older-schema.ts";
import { runScript } from "./script-process.ts";
import { seededRandom } from "./seeded-random.ts";
import type { StartingTask } from "./starting-process.ts";
import { openStorage } from "./storage-address.ts";
import { type Engine, newPlace, type StoragePlace } from "./storage-place.ts";

export interface KilledStartsFigures {
  readonly runs: number;
  /** Statements of an undisturbed start, each of which a process was killed before. */
  readonly statements: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly unopenable: number;
  /** Runs after which the schema was neither absent nor whole. */
  readonly halfSchemas: number;
  readonly problems: readonly string[];
}

interface Counting {
  runs: number;
  statements: number;
  acknowledged: number;
  lost: number;
  unopenable: number;
  halfSchemas: number;
  problems: string[];
}

export interface EachStatementOptions {
  readonly engine: Engine;
  /** What the start finds: nothing, or a filled database of the first version, which it has to migrate. */
  readonly on: "nothing" | "first version";
  /** 1 kills before every statement, 4 before every fourth. */
  readonly stride: number;
  /** The first statement to kill before, counted from 1. */
  readonly from?: number;
}

/**
 * Starts, each killed before another of its statements: before a database is open, within the migrations, up to the
 * first write and the closing. The next start must open the database, serve from it and write to it.
 */
export async function killStartsAtEachStatement({
  engine,
  on,
  stride,
  from = 1,
}: EachStatementOptions): Promise<KilledStartsFigures> {
  const figures = counting();
  const { schema, statements } = await undisturbedStart(engine, on);
  figures.statements = statements;
  for (let killAt = from; killAt <= statements; killAt += stride) {
    const name = `killed before statement ${killAt}`;
    await oneRun({ engine, on, figures, schema, name }, async ({ address }) => {
      const task: StartingTask = { address, killAt };
      const start = runScript("starting-process.ts", task);
      const ended = await start.end();
      if (ended !== "SIGKILL") figures.problems.push(`statement ${killAt}: the start ended with ${ended}`);
      return start.lines;
    });
  }
  return figures;
}

export interface RandomMomentsOptions {
  readonly engine: Engine;
  readonly runs: number;
  readonly seed: number;
}

/** First starts killed at random moments, also between statements and within one. */
export async function killStartsAtRandom({
  engine,
  runs,
  seed,
}: RandomMomentsOptions): Promise<KilledStartsFigures & { readonly seed: number }> {
  const random = seededRandom(seed);
  const figures = counting();
  const { schema, statements, took } = await undisturbedStart(engine, "nothing");
  figures.statements = statements;
  for (let run = 1; run <= runs; run += 1) {
    const name = `run ${run}`;
    await oneRun({ engine, on: "nothing", figures, schema, name }, async ({ address }) => {
      const task: StartingTask = { address };
      const start = runScript("starting-process.ts", task);
      await start.until((lines) => lines.includes("loaded"));
      await delay(random.next() * took);
      await start.kill();
      return start.lines;
    });
  }
  return { seed, ...figures };
}

function counting(): Counting {
  return { runs: 0, statements: 0, acknowledged: 0, lost: 0, unopenable: 0, halfSchemas: 0, problems: [] };
}

/** What a start that nobody kills leaves behind, after how many statements and milliseconds. */
async function undisturbedStart(engine: Engine, on: EachStatementOptions["on"]) {
  const place = await newPlace(engine);
  try {
    if (on === "first version") await fillAsFirstVersion(place);
    const task: StartingTask = { address: place.address };
    const start = runScript("starting-process.ts", task);
    await start.until((lines) => lines.includes("loaded"));
    const from = performance.now();
    const ended = await start.end();
    const took = performance.now() - from;
    const statements = Number(/^complete after (\d+)/.exec(start.lines.at(-1) ?? "")?.[1]);
    if (ended !== 0 || !(statements > 0)) throw new Error(`The undisturbed start ended with ${ended}.`);
    await place.quiet();
    return { schema: await place.objects(), statements, took };
  } finally {
    await place.remove();
  }
}

interface OneRun {
  readonly engine: Engine;
  readonly on: EachStatementOptions["on"];
  readonly figures: Counting;
  /** What an undisturbed start makes. */
  readonly schema: readonly string[];
  readonly name: string;
}

async function oneRun(
  { engine, on, figures, schema, name }: OneRun,
  killed: (place: StoragePlace) => Promise<readonly string[]>,
): Promise<void> {
  const place = await newPlace(engine);
  try {
    const before = on === "first version" ? await fillAsFirstVersion(place) : [];
    const schemaBefore = on === "first version" ? await place.objects() : [];
    const acknowledged = acknowledgedIn(await killed(place));
    await place.quiet();
    figures.runs += 1;
    figures.acknowledged += acknowledged.length;
    // Every other run goes straight to the next start; the others look first, without repairing.
    const isHalf = figures.runs % 2 === 0 && (await isHalfMade(place, schemaBefore, schema));
    if (isHalf) figures.halfSchemas += 1;
    const found = await startsAndServes(place, schema, before, acknowledged);
    figures.lost += found.lost;
    figures.unopenable += found.opens ? 0 : 1;
    figures.problems.push(...found.problems.map((problem) => `${name}: ${problem}`));
  } finally {
    await place.remove();
  }
}

/** Whether a process that may not migrate finds anything but "outdated" with the schema before, or the whole one. */
async function isHalfMade(
  place: StoragePlace,
  before: readonly string[],
  whole: readonly string[],
): Promise<boolean> {
  let storage: FlagStorage;
  try {
    storage = await openStorage(place.address, { migrate: false });
  } catch (error) {
    return !isFlagError(error, "SCHEMA_OUTDATED") || !isSame(await place.objects(), before);
  }
  await storage.close();
  return !isSame(await place.objects(), whole);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function startsAndServes(
  place: StoragePlace,
  schema: readonly string[],
  before: readonly AcknowledgedWrite[],
  acknowledged: readonly AcknowledgedWrite[],
) {
  let problems: readonly string[];
  try {
    problems = await serve(place, acknowledged.length > 0);
  } catch (error) {
    return { opens: false, lost: before.length + acknowledged.length, problems: [String(error)] };
  }
  const found = await lookAt(place, [...before, ...acknowledged]);
  const whole = isSame(await place.objects(), schema) ? [] : ["the schema is not whole"];
  return { opens: found.opens, lost: found.lost, problems: [...problems, ...found.problems, ...whole] };
}

/** The next start: opens, answers, writes, answers with what was written. */
async function serve({ address }: StoragePlace, wasWritten: boolean): Promise<readonly string[]> {
  const storage = await openStorage(address);
  const manager = new FeatureFlagManager({ storage, environment: "production" });
  try {
    const first = await manager.getFlags({ customerId: "cust_first" });
    const tenant = { kind: "customer", id: "cust_next" } as const;
    await manager.updateOverride(tenant, { set: { "experimental.customThemes": true } });
    const next = await manager.getFlags({ customerId: "cust_next" });
    const problems: string[] = [];
    if (first.error !== undefined || next.error !== undefined) problems.push("an answer carries an error");
    if (wasWritten && !first.config.experimental.voiceInput) problems.push("the first write is not served");
    if (!next.config.experimental.customThemes) problems.push("the next write is not served");
    return problems;
  } finally {
    await manager.close();
    await storage.close();
  }
}
