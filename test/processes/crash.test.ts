import { describe, test } from "vitest";
import { chosenSeed } from "../faults/seeded-random.ts";
import { crash } from "./crash.ts";
import { expectSurvival } from "./survival.ts";

describe("a database server that is killed and comes back", () => {
  test("costs no process an answer, and all converge without a restart", async () => {
    expectSurvival(await crash({ processes: 2, changes: 20, tenants: 30, seed: chosenSeed(), outage: 500 }));
  });
});
