import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";

const MARK = 0x53545241;

test("a first start that crashed after its mark was written, not committed, leaves a file that stays ours", async () => {
  const directory = await mkdtemp(join(tmpdir(), "strata-cut-short-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, "strata.db");
  const crashed = new DatabaseSync(file);
  crashed.exec(
    `pragma application_id = ${MARK}; create table t (c text); drop table t; pragma user_version = 0`,
  );
  crashed.close();
  await writeFile(`${file}-journal`, journalOfAnEmptyDatabase());

  for (const expected of [undefined, { beta: true }]) {
    const storage = await sqliteStorage({ file });
    expect((await storage.getCustomerOverride("cust_1"))?.flags).toEqual(expected);
    await storage.saveCustomerFlags("cust_1", { beta: true });
    await storage.close();
  }
});

/** The journal of a transaction that began with no page at all: whoever opens the database takes it back to that. */
function journalOfAnEmptyDatabase(): Buffer {
  const header = Buffer.alloc(512);
  header.write("d9d505f920a163d7", "hex");
  header.writeUInt32BE(0, 8);
  header.writeUInt32BE(1, 12);
  header.writeUInt32BE(0, 16);
  header.writeUInt32BE(512, 20);
  header.writeUInt32BE(4096, 24);
  return header;
}
