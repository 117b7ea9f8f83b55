import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/**
 * The files as they lie before each statement: what a process killed there leaves behind. Locks and the index of
 * the write-ahead log end with the process.
 */
function imagesOf(directory: string, images: string): { onQuery: (sql: string) => void; taken: string[] } {
  const taken: string[] = [];
  return {
    taken,
    onQuery() {
      const image = join(images, String(taken.length));
      if (existsSync(directory)) cpSync(directory, image, { recursive: true });
      else mkdirSync(image, { recursive: true });
      rmSync(join(image, "strata.db-shm"), { force: true });
      taken.push(image);
    },
  };
}

describe("a process killed at any statement", () => {
  it("of the first start leaves a file that the next start opens", async () => {
    const parent = await temporaryDirectory();
    const directory = join(parent, "data");
    const { onQuery, taken } = imagesOf(directory, join(parent, "images"));
    const storage = await sqliteStorage({ file: join(directory, "strata.db"), onQuery });
    await storage.close();

    expect(taken.length).toBeGreaterThan(30);
    for (const image of taken) {
      const opened = await sqliteStorage({ file: join(image, "strata.db") });
      expect(await opened.saveCustomerFlags("c", { a: true })).toMatchObject({ version: 1, revision: 1 });
      await opened.close();
    }
  });

  it("of a write leaves all of it or nothing, and everything from before", async () => {
    const parent = await temporaryDirectory();
    const directory = join(parent, "data");
    const file = join(directory, "strata.db");
    let onQuery: (sql: string) => void = () => undefined;
    const storage = await sqliteStorage({ file, onQuery: (sql) => onQuery(sql) });
    await storage.saveCustomerFlags("c", { n: 1 });
    const images = imagesOf(directory, join(parent, "images"));
    onQuery = images.onQuery;
    await storage.saveCustomerFlags("c", { n: 2 });
    await storage.readState();
    await storage.close();

    const outcomes: unknown[] = [];
    for (const image of images.taken) {
      const opened = await sqliteStorage({ file: join(image, "strata.db") });
      const override = await opened.getCustomerOverride("c");
      const { revision, events } = await opened.changesSince(0, 10);
      const changes = await opened.listChanges({ limit: 10 });
      outcomes.push([override?.flags, override?.version, revision, events.length, changes.length]);
      await opened.close();
    }
    const before = [{ n: 1 }, 1, 1, 1, 1];
    expect(outcomes.slice(0, -1)).toEqual(outcomes.slice(0, -1).map(() => before));
    expect(outcomes.at(-1)).toEqual([{ n: 2 }, 2, 2, 2, 2]);
  });
});
