import { execFile } from "node:child_process";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { silentLog, systemClock } from "../../../lib/feature-flags/core/clock.ts";
import { migrate } from "../../../lib/storages/sql/migrate.ts";
import { sqlStorage } from "../../../lib/storages/sql/storage.ts";
import { sqliteEngine } from "../../../lib/storages/sqlite/engine.ts";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { openFile } from "../../../lib/storages/sqlite/open-file.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const UNPRIVILEGED = fileURLToPath(new URL("unprivileged-process.ts", import.meta.url));

describe("SQLite in trouble", () => {
  it("refuses writes on a full disk, keeps what it has, and goes on once there is room", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    const connections = await openFile(file, { timeout: 100, onQuery: undefined });
    const engine = sqliteEngine(connections, {
      file,
      host: "here",
      timeout: 100,
      clock: systemClock,
      log: silentLog,
    });
    await migrate(engine.migrations);
    const storage = sqlStorage(engine, systemClock);
    await storage.saveCustomerFlags("c", { text: "kept" });
    const large = { text: "x".repeat(200_000) };

    const [pages] = connections.writer.run("pragma page_count").rows;
    connections.writer.run(`pragma max_page_count = ${Number(pages?.["page_count"]) + 5}`);
    for (const audit of ["required", "best-effort"] as const) {
      const write = storage.writeOverride({
        tenant: { kind: "customer", id: "c" },
        changeId: "1",
        changedBy: "me",
        changedAt: 1,
        reason: "because",
        audit,
        decide: () => ({ flags: large, changes: [] }),
      });
      await expect(write).rejects.toMatchObject({
        code: "STORAGE_FULL",
        message: expect.stringContaining(file),
      });
    }
    expect(await storage.readTenant({ customerId: "c" })).toMatchObject({
      customer: { flags: { text: "kept" }, version: 1 },
      revision: 1,
    });

    connections.writer.run("pragma max_page_count = 1000000");
    expect(await storage.saveCustomerFlags("c", large)).toMatchObject({ version: 2, revision: 2 });
    await storage.close();
  });

  it("reads while another process holds the file, and says that it cannot write", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    const storage = await sqliteStorage({ file, busyTimeout: 30 });
    await storage.saveCustomerFlags("c", { a: 1 });
    using other = new DatabaseSync(file);
    other.exec("begin immediate");

    const write = storage.saveCustomerFlags("c", { a: 2 });
    const order: string[] = [];
    const refused = write.catch((error: unknown) => {
      order.push("write");
      return error;
    });
    expect((await storage.readTenant({ customerId: "c" })).customer?.flags).toEqual({ a: 1 });
    order.push("read");
    expect(await refused).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(order).toEqual(["read", "write"]);

    other.exec("rollback");
    expect(await storage.saveCustomerFlags("c", { a: 3 })).toMatchObject({ version: 2 });
    await storage.close();
  });

  it("waits for another process that lets go in time", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    const storage = await sqliteStorage({ file });
    using other = new DatabaseSync(file);
    other.exec("begin immediate");
    const write = storage.saveCustomerFlags("c", { a: 2 });
    await storage.readState();
    other.exec("commit");
    expect(await write).toMatchObject({ version: 1 });
    await storage.close();
  });

  it("reads a file it may not write, and says so when it is to write", async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, "strata.db");
    const storage = await sqliteStorage({ file });
    await storage.saveCustomerFlags("c", { a: 1 });
    await chmod(directory, 0o777);
    for (const suffix of ["", "-wal", "-shm"]) await chmod(file + suffix, suffix === "-shm" ? 0o666 : 0o444);

    const { stdout } = await promisify(execFile)(process.execPath, [UNPRIVILEGED, file]);
    expect(JSON.parse(stdout)).toEqual({ flags: { a: 1 }, code: "READ_ONLY" });
    await storage.close();
  });

  it("shows damage that came after the opening as damage", async () => {
    const file = join(await temporaryDirectory(), "strata.db");
    const storage = await sqliteStorage({ file });
    await storage.saveCustomerFlags("c", { a: 1 });
    {
      using other = new DatabaseSync(file);
      other.enableDefensive(false);
      other.exec(
        "pragma writable_schema = on; update sqlite_schema set rootpage = 0 where name = 'customers'",
      );
    }
    await expect(storage.listCustomers({ limit: 1 })).rejects.toMatchObject({
      code: "STORAGE_CORRUPT",
      message: expect.stringContaining(file),
    });
    await storage.close();
  });
});
