import { describe, it } from "vitest";
import { memoryHarness } from "../storages/harnesses/memory.ts";
import { postgresHarness } from "../storages/harnesses/postgres.ts";
import { sqliteHarness } from "../storages/harnesses/sqlite.ts";
import { World } from "./flow-world.ts";
import { READING_FLOWS } from "./flows-of-reading.ts";
import { WRITING_FLOWS } from "./flows-of-writing.ts";

// One list of scenarios, from the first call of a manager to the rows of the database, on every storage.
for (const harness of [memoryHarness(), sqliteHarness(), postgresHarness()]) {
  describe(`the whole flow on ${harness.name}`, () => {
    for (const { name, run } of [...READING_FLOWS, ...WRITING_FLOWS]) {
      it(name, async () => {
        const world = await World.on(harness);
        try {
          await run(world);
        } finally {
          await world.close();
        }
      });
    }
  });
}
