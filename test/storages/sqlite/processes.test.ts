import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const SCRIPT = fileURLToPath(new URL("writing-process.ts", import.meta.url));

function startWriting(
  file: string,
  customer: string,
  writes: number,
): { child: ChildProcess; said: string[] } {
  const child = spawn(process.execPath, [SCRIPT, file, customer, String(writes)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: string[] = [];
  child.stdout.on("data", (chunk) => said.push(String(chunk)));
  child.stderr.resume();
  return { child, said };
}

async function ended({ child, said }: ReturnType<typeof startWriting>): Promise<number[]> {
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return acknowledged(said);
}

function acknowledged(said: readonly string[]): number[] {
  // A line cut off by the end of the process was not said.
  return said.join("").split("\n").slice(0, -1).map(Number);
}

describe("several processes on one SQLite file", () => {
  it("may all start at once on a new one, and all write", async () => {
    const file = join(await temporaryDirectory(), "new", "strata.db");
    const writers = Array.from({ length: 8 }, (_, n) => startWriting(file, `c${n}`, 5));
    for (const versions of await Promise.all(writers.map(ended))) expect(versions).toEqual([1, 2, 3, 4, 5]);

    const storage = await sqliteStorage({ file });
    const { revision, events } = await storage.changesSince(0, 1_000);
    expect(revision).toBe(40);
    expect(events.map((event) => event.revision)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    await storage.close();
  });

  it("lose none of each other's writes to one row, while another one reads", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    const storage = await sqliteStorage({ file });
    const writers = Promise.all(Array.from({ length: 3 }, () => ended(startWriting(file, "c", 40))));
    const seen: number[] = [];
    let writing = true;
    const reading = (async () => {
      while (writing) {
        const { events } = await storage.changesSince(seen.at(-1) ?? 0, 10);
        seen.push(...events.map((event) => event.revision));
        await new Promise((turn) => setImmediate(turn));
      }
    })();
    const versions = (await writers).flat().sort((a, b) => a - b);
    writing = false;
    await reading;
    const all = Array.from({ length: 120 }, (_, n) => n + 1);
    expect(versions).toEqual(all);
    const { events } = await storage.changesSince(seen.at(-1) ?? 0, 1_000);
    expect([...seen, ...events.map((event) => event.revision)]).toEqual(all);
    await storage.close();
  });

  it("keep what they acknowledged when they are killed", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    for (const enough of [1, 7, 23]) {
      const writing = startWriting(file, "c", 1_000_000);
      await new Promise<void>((kill) => {
        writing.child.stdout?.on("data", () => acknowledged(writing.said).length >= enough && kill());
      });
      writing.child.kill("SIGKILL");
      await once(writing.child, "close");

      const storage = await sqliteStorage({ file });
      const last = acknowledged(writing.said).at(-1) ?? Number.POSITIVE_INFINITY;
      const override = await storage.getCustomerOverride("c");
      expect(override?.version).toBeGreaterThanOrEqual(last);
      const changes = await storage.listChanges({ customerId: "c", path: "mark", limit: 1_000 });
      expect(changes.filter(({ revision }) => revision <= last)).toHaveLength(last);
      await storage.close();
    }
  });
});
