import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { killBeforeFlush, killWhileRecording } from "./lost-recording.ts";
import { rollBackAtOnce } from "./rollback.ts";
import { expectEachStepOnce, expectLastOnesLost, expectOneRollback, firstNumbers } from "./rollback-truth.ts";
import { killWhileStepping } from "./scheduled-steps.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

describe("eight processes that share a rollout and see it fail at once", () => {
  test("take it back once, with one audit row and its evidence, and all answer the old value", async () => {
    const size = { processes: 8, rounds: 3, errors: 40, seed: chosenSeed() };
    expectOneRollback(await rollBackAtOnce(database, size), size);
  });
});

describe("a process that is killed between recording and writing", () => {
  test("loses what waited and nothing that was written, and recording it all again doubles nothing", async () => {
    const { stored, repeated } = await killBeforeFlush(database, { flushed: 300, waiting: 200 });
    expect(stored).toEqual({ numbers: firstNumbers(300), counted: 300 });
    expect(repeated).toEqual({ numbers: firstNumbers(500), counted: 500 });
  });

  test("loses at any moment no more than what came after the write before the last began", async () => {
    expectLastOnesLost(await killWhileRecording(database, { kills: 3, seed: chosenSeed() }));
  });
});

describe("a schedule that two processes look after", () => {
  test("is completed, each step once, though the one that steps is killed", async () => {
    const size = { tiers: 6, kills: 1, seed: chosenSeed() };
    expectEachStepOnce(await killWhileStepping(database, size), size);
  });
});
