import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type AcknowledgedWrite, acknowledgedIn } from "./acknowledged-write.ts";
import { lookAt } from "./killed-writers.ts";
import { makeImage, mountImage } from "./loop-mount.ts";
import { runScript } from "./script-process.ts";
import { seededRandom } from "./seeded-random.ts";
import { filePlace } from "./storage-place.ts";
import type { WritingTask } from "./writing-process.ts";

export interface PowerCutsOptions {
  readonly runs: number;
  readonly seed: number;
  /** Weakens what SQLite promises, to show that the method sees what is lost. */
  readonly synchronous?: "off" | "normal";
}

export interface PowerCutsFigures {
  readonly seed: number;
  readonly runs: number;
  /** Runs in which the write-ahead log was emptied every few writes. */
  readonly withCheckpoints: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** Runs in which anything was lost. */
  readonly lossyRuns: number;
  readonly unopenable: number;
  readonly problems: readonly string[];
}

/** Runs on one file before a new one is begun: the first of each is cut in or soon after a first start. */
const RUNS_PER_FILE = 3;
/** Milliseconds: the longest a process writes before the power is gone. */
const LONGEST_LIFE = 700;
const IMAGE_MEBIBYTES = 64;

/**
 * Power cuts: a process writes to a file on an ext4 file system of its own, which lies in an image. The process is
 * stopped, the image copied, and the copy mounted as a machine mounts its disk when the power is back. What the
 * process had written without having it flushed is only in the mounted file system's page cache and not in the
 * image, so that the copy is without it.
 */
export async function cutPower({ runs, seed, synchronous }: PowerCutsOptions): Promise<PowerCutsFigures> {
  const random = seededRandom(seed);
  const figures = { seed, runs, withCheckpoints: 0, acknowledged: 0, lost: 0, lossyRuns: 0, unopenable: 0 };
  const problems: string[] = [];
  const directory = await mkdtemp(join(tmpdir(), "strata-power-"));
  try {
    const image = join(directory, "image");
    await makeImage(image, IMAGE_MEBIBYTES);
    const disk = await mountImage(image, join(directory, "disk"));
    try {
      let acknowledged: AcknowledgedWrite[] = [];
      for (let run = 0; run < runs; run += 1) {
        const place = join("data", `file-${Math.floor(run / RUNS_PER_FILE)}`);
        if (run % RUNS_PER_FILE === 0) {
          await rm(join(disk.directory, "data"), { recursive: true, force: true });
          acknowledged = [];
        }
        const task: WritingTask = {
          address: { file: join(disk.directory, place, "strata.db") },
          seed: random.below(2 ** 32),
          inFlight: 3,
          ...(synchronous === undefined ? {} : { synchronous }),
          ...(run % 2 === 1 ? { checkpointEvery: 5 + random.below(40) } : {}),
        };
        figures.withCheckpoints += run % 2;
        const copy = join(directory, "copy");
        const life: Life = {
          // One in four may be cut in its start.
          from: random.below(4) === 0 ? "loaded" : "opened",
          // Where something must be lost, there must be something to lose.
          least: synchronous === undefined ? 0 : 10,
          life: random.next() * LONGEST_LIFE,
        };
        const said = await writeUntilCut(task, life, image, copy);
        acknowledged.push(...said);
        figures.acknowledged += said.length;

        const after = await mountImage(copy, join(directory, "after"));
        try {
          const file = join(after.directory, place, "strata.db");
          const found = await lookAt(
            filePlace(file, async () => {}),
            acknowledged,
          );
          figures.lost += found.lost;
          figures.lossyRuns += found.lost > 0 ? 1 : 0;
          figures.unopenable += found.opens ? 0 : 1;
          problems.push(...found.problems.map((problem) => `run ${run + 1}: ${problem}`));
        } finally {
          await after.unmount();
        }
      }
    } finally {
      await disk.unmount();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return { ...figures, problems };
}

/** How long a process writes: so many milliseconds from what it has said and so many acknowledged writes on. */
interface Life {
  readonly from: "loaded" | "opened";
  readonly least: number;
  readonly life: number;
}

async function writeUntilCut(
  task: WritingTask,
  { from, least, life }: Life,
  image: string,
  copy: string,
): Promise<AcknowledgedWrite[]> {
  const writer = runScript("writing-process.ts", task);
  try {
    await writer.until((lines) => lines.includes(from) && acknowledgedIn(lines).length >= least);
    await delay(life);
    await writer.stop();
    await copyAtOneMoment(image, copy);
  } finally {
    await writer.kill();
  }
  return acknowledgedIn(writer.lines);
}

/** Copies until nothing has changed meanwhile: the kernel may be writing on its own, and no disk dies twice. */
async function copyAtOneMoment(image: string, copy: string): Promise<void> {
  const run = promisify(execFile);
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    await run("cp", ["--sparse=always", image, copy]);
    if (await isSame(image, copy)) return;
  }
  throw new Error("The image never stood still for long enough to be copied.");
}

async function isSame(one: string, other: string): Promise<boolean> {
  try {
    await promisify(execFile)("cmp", ["--quiet", one, other]);
    return true;
  } catch (error) {
    // 1: they differ. Anything else is trouble.
    if (error instanceof Error && "code" in error && error.code === 1) return false;
    throw error;
  }
}
