import { describe, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { crash } from "../processes/crash.ts";
import { expectSurvival } from "../processes/survival.ts";

describe("a database server that is killed and comes back after half a minute", () => {
  test("costs no process an answer, and all converge without a restart", async () => {
    expectSurvival(
      await crash({ processes: 8, changes: 200, tenants: 500, seed: chosenSeed(), outage: 30_000 }),
    );
  });
});
