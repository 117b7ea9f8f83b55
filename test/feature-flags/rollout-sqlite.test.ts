import { join } from "node:path";
import fc from "fast-check";
import { it } from "vitest";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";
import { manualClock } from "../../lib/testing/index.ts";
import { temporaryDirectory } from "../storages/sqlite/temporary-directory.ts";
import { arbitraryOperation } from "./arbitrary-operation.ts";
import { expectTruth } from "./expected-truth.ts";
import { planManager } from "./plan-flags.ts";
import { perform } from "./recorded-storage.ts";
import { after, CONTEXTS, NOTHING, type Operation } from "./told-history.ts";

it("two processes on one file of SQLite, one with everything in memory, answer what was committed last", async () => {
  const clock = manualClock();
  const file = join(await temporaryDirectory(), "flags.db");
  const storages = [await sqliteStorage({ file, clock }), await sqliteStorage({ file, clock })] as const;
  const managers = storages.map(
    (storage, place) => planManager({ storage, clock, preload: place === 1 }).manager,
  );
  for (const manager of managers) {
    await manager.ready();
    await manager.getFlags();
  }
  let moment = NOTHING;
  let unique = 0;

  const step = fc.record({ made: arbitraryOperation, by: fc.nat(1), isWaitedFor: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      for (const { made, by, isWaitedFor } of steps) {
        unique += 1;
        const operation: Operation = made(unique);
        await perform(storages[by === 0 ? 0 : 1], operation);
        moment = after(moment, operation);
        if (isWaitedFor)
          for (const manager of managers) await manager.getFlags(CONTEXTS[unique % CONTEXTS.length]);
      }
      await clock.advance(50);
      for (const manager of managers) await manager.catchUp();
      for (const [place, manager] of managers.entries()) {
        await expectTruth(manager, moment, { preload: place === 1 });
      }
    }),
    { numRuns: 40, endOnFailure: true },
  );
  for (const manager of managers) await manager.close();
  for (const storage of storages) await storage.close();
});
