import { isFlagError } from "../../lib/feature-flags/index.ts";
import { type NotingTenants, notingTenants } from "./noting-tenants.ts";
import { seededRandom } from "./seeded-random.ts";
import type { SmallDisk } from "./small-disk.ts";

export interface FullDiskOptions {
  readonly runs: number;
  readonly seed: number;
  readonly newDisk: () => Promise<SmallDisk>;
}

export interface FullDiskFigures {
  readonly seed: number;
  readonly runs: number;
  readonly acknowledged: number;
  /** Writes that failed with STORAGE_FULL, and the longest that one of them took. */
  readonly refused: number;
  readonly slowestRefusalMs: number;
  /** Sound answers given while the disk was full. */
  readonly readsWhileFull: number;
  /** Starts on the full disk: those that served, and those that failed with STORAGE_FULL. */
  readonly startsWhileFull: number;
  readonly refusedStarts: number;
  /** First starts, of a file that is not there yet, on the full disk: all failed with STORAGE_FULL. */
  readonly refusedFirstStarts: number;
  readonly lost: number;
  readonly unopenable: number;
  readonly problems: readonly string[];
}

type Counting = { -readonly [name in keyof FullDiskFigures]: FullDiskFigures[name] } & { problems: string[] };

const WRITES_BEFORE = 40;
const MOST_WRITES = 5_000;
const REFUSALS = 8;
const WRITES_AFTER = 20;
/** Bytes left: none, those for the directory, the file, its journal, and parts of what is beside it. */
const FIRST_STARTS = [0, 4, 8, 12, 16, 24, 48, 96].map((blocks) => blocks * 1024);

/**
 * Writes until the disk is full, and on; reads; in every other run starts again while it is full (in every fourth
 * after a clean end, too); frees it and writes again. In every fourth run the file was first to be made on a full disk. Every write must succeed or fail with STORAGE_FULL, and what was acknowledged be there to the end.
 */
export async function fillDisks({ runs, seed, newDisk }: FullDiskOptions): Promise<FullDiskFigures> {
  const random = seededRandom(seed);
  const figures: Counting = {
    seed,
    runs,
    acknowledged: 0,
    refused: 0,
    slowestRefusalMs: 0,
    readsWhileFull: 0,
    startsWhileFull: 0,
    refusedStarts: 0,
    refusedFirstStarts: 0,
    lost: 0,
    unopenable: 0,
    problems: [],
  };
  for (let run = 1; run <= runs; run += 1) {
    const disk = await newDisk();
    const tenants = notingTenants(disk.file, random);
    const before = figures.problems.length;
    try {
      if (run % 4 === 1 && !disk.freedByRestart) await startFirstWhileFull(disk, tenants, figures);
      await tenants.open();
      for (let count = 0; count < WRITES_BEFORE; count += 1) await tenants.write();
      await disk.fill(random.below(1024 * 1024));
      await writeUntilRefused(tenants, figures);
      await readAll(tenants, figures);
      if (run % 2 === 0) await startWhileFull(disk, tenants, figures);
      if (run % 4 === 0 && !disk.freedByRestart) await startOnAClosedFile(disk, tenants, figures);
      if (disk.freedByRestart) await tenants.close();
      await disk.free();
      await writeAndRestart(tenants, figures);
    } catch (error) {
      figures.unopenable += tenants.isOpen ? 0 : 1;
      figures.problems.push(String(error));
    } finally {
      await tenants.close();
      await disk.remove();
    }
    figures.acknowledged += tenants.acknowledged.length;
    for (let index = before; index < figures.problems.length; index += 1) {
      figures.problems[index] = `run ${run}: ${figures.problems[index]}`;
    }
  }
  return figures;
}

/** With ever more bytes left, so that each step of making a file meets the end of the disk once. */
async function startFirstWhileFull(
  disk: SmallDisk,
  tenants: NotingTenants,
  figures: Counting,
): Promise<void> {
  for (const spare of FIRST_STARTS) {
    await disk.fill(spare);
    try {
      await tenants.open();
      figures.problems.push(`a first start with ${spare} bytes left was not refused`);
      await tenants.close();
    } catch (error) {
      figures.refusedFirstStarts += 1;
      if (!isStartRefusal(error)) figures.problems.push(`a first start failed with ${String(error)}`);
    }
    await disk.free();
  }
}

/** STORAGE_FULL, with what to do. */
function isStartRefusal(error: unknown): boolean {
  return isFlagError(error, "STORAGE_FULL") && error.message.includes("then start again");
}

async function writeUntilRefused(tenants: NotingTenants, figures: Counting): Promise<void> {
  let refusals = 0;
  for (let attempt = 0; refusals < REFUSALS && attempt < MOST_WRITES; attempt += 1) {
    const from = performance.now();
    try {
      await tenants.write();
    } catch (error) {
      refusals += 1;
      figures.slowestRefusalMs = Math.max(figures.slowestRefusalMs, Math.ceil(performance.now() - from));
      if (!isFlagError(error, "STORAGE_FULL")) figures.problems.push(`a write failed with ${String(error)}`);
    }
  }
  if (refusals < REFUSALS) figures.problems.push("the disk was never full");
  figures.refused += refusals;
}

async function readAll(tenants: NotingTenants, figures: Counting): Promise<void> {
  const { sound, wrong } = await tenants.read();
  figures.readsWhileFull += sound;
  figures.problems.push(...wrong);
}

/** The file was closed before the disk got full: no write-ahead log is there that a start could use. */
async function startOnAClosedFile(disk: SmallDisk, tenants: NotingTenants, figures: Counting): Promise<void> {
  await tenants.close();
  await disk.free();
  await tenants.open();
  await tenants.close();
  await disk.fill(0);
  await startWhileFull(disk, tenants, figures);
}

async function startWhileFull(disk: SmallDisk, tenants: NotingTenants, figures: Counting): Promise<void> {
  await tenants.close();
  // Closing has emptied the write-ahead log: somebody else takes what that has freed.
  await disk.fill(0);
  try {
    await tenants.open();
  } catch (error) {
    figures.refusedStarts += 1;
    if (!isStartRefusal(error)) figures.problems.push(`a start failed with ${String(error)}`);
    return;
  }
  figures.startsWhileFull += 1;
  await readAll(tenants, figures);
}

async function writeAndRestart(tenants: NotingTenants, figures: Counting): Promise<void> {
  if (!tenants.isOpen) await tenants.open();
  for (let count = 0; count < WRITES_AFTER; count += 1) await tenants.write();
  await tenants.close();
  await tenants.open();
  const { wrong } = await tenants.read();
  const { lost, contradictions } = await tenants.missing();
  figures.lost += lost;
  figures.problems.push(...wrong, ...contradictions);
}
