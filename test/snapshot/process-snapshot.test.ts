import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSnapshotFile as openInBrowser } from "../../lib/snapshot/process-snapshot.browser.ts";
import { openSnapshotFile } from "../../lib/snapshot/process-snapshot.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";
import { sampleSnapshot, temporaryDirectory } from "./sample-snapshot.ts";

describe("the snapshot file of a process", () => {
  it("is what the library opens under the name it imports", async () => {
    const wiring = await import("#snapshot-file");
    expect(wiring.openSnapshotFile).toBe(openSnapshotFile);
  });

  it("is read and written", async () => {
    const log = recordedLog();
    const store = openSnapshotFile(join(await temporaryDirectory(), "flags.snapshot"), log);
    await store.write(sampleSnapshot(1));
    expect(await store.read()).toEqual(sampleSnapshot(1));
    expect(log.lines).toEqual([]);
  });

  it("does not exist in a browser, which is said at once", () => {
    expect(() => openInBrowser("flags.snapshot", recordedLog())).toThrow(
      expect.objectContaining({ code: "STORAGE_UNAVAILABLE", message: expect.stringContaining("Node") }),
    );
  });
});
