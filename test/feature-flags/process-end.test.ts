import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { runScript } from "../faults/script-process.ts";
import type { EndingTask } from "./ending-process.ts";
import { turn } from "./held-storage.ts";
import { outageStorage } from "./outage-storage.ts";
import { planManager } from "./plan-flags.ts";
import { snapshotStore } from "./snapshot-store.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "strata-ending-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function saidBy(task: Pick<EndingTask, "ending"> & { readonly onFile: boolean }) {
  const { ending, onFile } = task;
  const file = onFile ? { file: join(directory, "flags.db") } : {};
  const child = runScript("../feature-flags/ending-process.ts", {
    ...{ ...file, ending, snapshot: join(directory, "last-good") },
  } satisfies EndingTask);
  return { code: await child.end(), lines: child.lines };
}

describe.each([false, true])("a process with a manager (on a SQLite file: %s)", (onFile) => {
  it("ends by itself once that is closed, and nothing is left", async () => {
    const { code, lines } = await saidBy({ onFile, ending: "close" });
    expect([code, lines.slice(-2)]).toEqual([0, ["closed, lost: false", "left: nothing"]]);
    expect(lines.slice(0, -2).sort()).toEqual(["1 have it", "told of 1"]);
  });

  it("ends by itself, too, if that is left open: timers keep no process", async () => {
    const { code, lines } = await saidBy({ onFile, ending: "leave open" });
    expect([code, lines.at(-1)]).toEqual([0, "left: nothing"]);
  });

  it("does not end while it waits for others to have a change", async () => {
    const { code, lines } = await saidBy({ onFile, ending: "wait for an instance that lags" });
    expect([code, lines.slice(-2)]).toEqual([0, ["waited", "left: nothing"]]);
  });
});

describe("closing a manager", () => {
  it.each([
    ["that did nothing", async () => {}],
    [
      "that is at work",
      async (system: System) => void (await system.manager.getFlags({ customerId: "cust_1" })),
    ],
    [
      "while storage is lost",
      async ({ manager, outage, clock }: System) => {
        outage.mode = "down";
        for (let call = 0; call < 5; call += 1) await manager.getFlags({ customerId: `cust_${call}` });
        await clock.advance(5_000);
      },
    ],
    [
      "while storage hangs",
      async ({ manager, outage, clock }: System) => {
        await manager.getFlags({ customerId: "cust_1" });
        outage.mode = "hanging";
        for (let call = 0; call < 5; call += 1) void manager.getFlags({ customerId: `cust_${call}` });
        await clock.advance(100);
      },
    ],
  ])("%s leaves no timer, whatever it was made of", async (_, work) => {
    for (const preload of [false, true]) {
      const outage = outageStorage(memoryStorage());
      const { manager, clock } = planManager({
        ...{ storage: async () => outage.storage, snapshot: snapshotStore(), preload },
      });
      const system = { manager, clock, outage };
      manager.on("change", () => {}, { customerId: "cust_1" });
      await work(system);
      const closing = manager.close();
      await clock.advance(30_000);
      await closing;
      expect(clock.timers()).toBe(0);
      outage.calls.length = 0;
      await clock.advance(600_000);
      await turn();
      expect([outage.calls, clock.timers()]).toEqual([[], 0]);
    }
  });
});

interface System extends Pick<ReturnType<typeof planManager>, "manager" | "clock"> {
  readonly outage: ReturnType<typeof outageStorage>;
}
