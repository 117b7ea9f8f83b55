import { afterEach, beforeEach, describe, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../postgres-database.ts";
import { killWhileRecording } from "../processes/lost-recording.ts";
import { rollBackAtOnce } from "../processes/rollback.ts";
import { expectEachStepOnce, expectLastOnesLost, expectOneRollback } from "../processes/rollback-truth.ts";
import { killWhileStepping } from "../processes/scheduled-steps.ts";

let database: TestDatabase;
beforeEach(() => {
  database = openTestDatabase();
});
afterEach(() => database.close());

describe("rollouts on many processes, again and again", () => {
  test("are taken back once each of 100 times that eight processes see errors at once", async () => {
    const size = { processes: 8, rounds: 100, errors: 40, seed: chosenSeed() };
    expectOneRollback(await rollBackAtOnce(database, size), size);
  });

  test("lose no event that was written in 100 kills, and double none", async () => {
    expectLastOnesLost(await killWhileRecording(database, { kills: 100, seed: chosenSeed() }));
  });

  test("are completed, each of 90 steps once, through up to 30 kills of the process that steps", async () => {
    const size = { tiers: 90, kills: 30, seed: chosenSeed() };
    expectEachStepOnce(await killWhileStepping(database, size), size);
  });
});
