import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { report } from "../faults/fault-report.ts";
import { runScript } from "../faults/script-process.ts";
import { chosenSeed, seededRandom } from "../faults/seeded-random.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";
import { sampleSnapshot, temporaryDirectory } from "./sample-snapshot.ts";
import type { SnapshotTask } from "./writing-process.ts";

const MINUTE = 60_000;
const EPOCH = "killed";

const write = (task: Omit<SnapshotTask, "epoch">) =>
  runScript("../snapshot/writing-process.ts", { epoch: EPOCH, ...task } satisfies SnapshotTask);
const acknowledged = (lines: readonly string[]) => Math.max(0, ...lines.map(Number).filter(Number.isInteger));

describe("a process killed while it writes snapshots", () => {
  it("leaves a sound one, and none older than it said was written", { timeout: 2 * MINUTE }, async () => {
    const seed = chosenSeed();
    const random = seededRandom(seed);
    const path = join(await temporaryDirectory(), "flags.snapshot");
    const customers = [4, 2_000, 40];
    const figures = { seed, kills: 0, written: 0, unsaid: 0, problems: [] as string[] };
    let known = 0;
    for (let kill = 0; kill < 20; kill += 1) {
      const writer = write({ path, from: known + 1, customers });
      await writer.until((lines) => acknowledged(lines) > known);
      await delay(random.next() * 60);
      await writer.kill();
      const last = acknowledged(writer.lines);
      const log = recordedLog();
      const read = await fileSnapshot(path, { log }).read();
      const revision = read?.revision ?? 0;
      const size = customers[revision % customers.length] ?? 0;
      try {
        expect([last, last + 1]).toContain(revision);
        expect(read).toEqual(sampleSnapshot(revision, { epoch: EPOCH, customers: size }));
        expect(log.lines).toEqual([]);
      } catch (error) {
        figures.problems.push(`kill ${kill}: ${String(error)}`);
      }
      figures.kills += 1;
      figures.unsaid += revision - last;
      figures.written += revision - known;
      known = revision;
    }
    report("SIGKILL in a loop that writes snapshots", figures);
    expect(figures).toMatchObject({ kills: 20, problems: [] });
  });

  it("leaves a sound one whichever step it dies before", { timeout: 2 * MINUTE }, async () => {
    const path = join(await temporaryDirectory(), "flags.snapshot");
    const size = { epoch: EPOCH, customers: 400 };
    const task = { path, customers: [400], count: 1 };
    for (const revision of [1, 2]) await fileSnapshot(path).write(sampleSnapshot(revision, size));
    const whole = write({ ...task, from: 3 });
    expect(await whole.end()).toBe(0);
    const steps = Number(/^complete after (\d+) calls$/.exec(whole.lines.at(-1) ?? "")?.[1]);
    expect(steps).toBeGreaterThan(15);

    let known = 3;
    for (let killAt = 1; killAt <= steps; killAt += 1) {
      const writer = write({ ...task, from: known + 1, killAt });
      expect(await writer.end(), `step ${killAt}`).toBe("SIGKILL");
      const log = recordedLog();
      const read = await fileSnapshot(path, { log }).read();
      expect([known, known + 1], `step ${killAt}`).toContain(read?.revision);
      expect(read, `step ${killAt}`).toEqual(sampleSnapshot(read?.revision ?? 0, size));
      expect(log.lines).toEqual([]);
      known = read?.revision ?? 0;
    }
    report("SIGKILL before each step of writing a snapshot", { steps });
    await fileSnapshot(path).write(sampleSnapshot(known + 1, size));
    expect(await fileSnapshot(`${path}.1`).read()).toEqual(sampleSnapshot(known, size));
  });
});

describe("several processes that write to one path", () => {
  it("never mix, and a reader always finds a sound one", { timeout: MINUTE }, async () => {
    const path = join(await temporaryDirectory(), "flags.snapshot");
    const customers = [3, 1_500, 50];
    const count = 25;
    const first = sampleSnapshot(customers.length, { epoch: "first", customers: 3 });
    await fileSnapshot(path).write(first);
    const epochs = ["a", "b", "c", "d"];
    const tasks = epochs.map((epoch) => ({ path, epoch, from: 1, count, customers }) satisfies SnapshotTask);
    const writers = tasks.map((task) => runScript("../snapshot/writing-process.ts", task));
    const ends = Promise.all(writers.map((writer) => writer.end()));
    let writing = true;
    const ended = ends.finally(() => {
      writing = false;
    });
    const log = recordedLog();
    const seen = new Set<string>();
    while (writing) {
      const read = await fileSnapshot(path, { log }).read();
      const { epoch = "none", revision = 0 } = read ?? {};
      seen.add(epoch);
      const size = customers[revision % customers.length] ?? 0;
      expect(read).toEqual(sampleSnapshot(revision, { epoch, customers: size }));
    }
    expect(await ended).toEqual(epochs.map(() => 0));
    expect(log.lines).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
    const last = await fileSnapshot(path).read();
    expect(last?.revision).toBe(count);
    expect((await readdir(dirname(path))).sort()).toEqual([basename(path), `${basename(path)}.1`]);
  });
});
