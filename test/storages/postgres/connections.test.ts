import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";
import { untilWaiting } from "./until-waiting.ts";

const BY_URL = fileURLToPath(new URL("storage-by-url.ts", import.meta.url));
const WITHOUT_PG = fileURLToPath(new URL("without-pg.ts", import.meta.url));

function database(connections?: number): TestDatabase {
  const opened = openTestDatabase(undefined, connections);
  onTestFinished(() => opened.close());
  return opened;
}

async function preparedNames(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query("select name from pg_prepared_statements order by name");
  return rows.map(({ name }) => name);
}

describe("the connections of a PostgreSQL storage", () => {
  it("are the caller's to end where the pool is the caller's", async () => {
    const { pool, schema } = database();
    const storage = await postgresStorage({ pool, schema });
    await storage.close();
    await expect(storage.readState()).rejects.toMatchObject({ code: "CLOSED" });
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("end with the storage where it made them from a URL, and so does the process", async () => {
    const { url, schema } = database();
    const { stdout } = await promisify(execFile)(process.execPath, [BY_URL, url, schema], {
      timeout: 20_000,
    });
    expect(JSON.parse(stdout)).toEqual({ version: 1, overrides: 1, code: "CLOSED" });
  });

  it("ask for the package pg where a URL is given and it is missing", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--import",
      WITHOUT_PG,
      BY_URL,
      "postgres://x",
      "s",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("npm install pg"),
    });
  });

  it("that cannot be made are an error that says so, without the password", async () => {
    const url = "postgres://user:secret@127.0.0.1:1/none";
    const failure = await postgresStorage({ url }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "STORAGE_UNAVAILABLE", cause: expect.any(Error) });
    expect(String(failure)).toContain("ECONNREFUSED");
    expect(String(failure)).not.toContain("secret");
  });

  it("prepare each statement once, under the same name on every connection", async () => {
    const { pool, schema } = database(1);
    const storage = await postgresStorage({ pool, schema });
    for (let n = 0; n < 5; n += 1) {
      await storage.readTenant({ customerId: "c", organizationId: "o" });
      await storage.saveCustomerFlags("c", { n });
      await storage.registerCustomers(Array.from({ length: n + 1 }, (_, id) => ({ id: String(id) })));
      await storage.readOverrides(
        Array.from({ length: n + 1 }, (_, id) => ({ kind: "customer", id: String(id) })),
      );
    }
    const names = await preparedNames(pool);
    for (const name of names) expect(name).toMatch(/^strata_[0-9a-f]{16}$/);
    await storage.readTenant({ customerId: "other" });
    await storage.saveCustomerFlags("other", { n: 0 });
    expect(await preparedNames(pool)).toEqual(names);
    expect(names.length).toBeGreaterThan(3);
    expect(names.length).toBeLessThan(20);
  });

  it("prepare nothing where poolers could not keep it", async () => {
    const { pool, schema } = database(1);
    const storage = await postgresStorage({ pool, schema, prepare: false });
    await storage.readTenant({ customerId: "c" });
    await storage.saveCustomerFlags("c", { a: 1 });
    expect(await preparedNames(pool)).toEqual([]);
  });

  it("may break in the middle of a write: it fails, nothing of it stays, and the next one works", async () => {
    const opened = database();
    const { pool, schema } = opened;
    const storage = await postgresStorage(opened);
    await storage.saveCustomerFlags("c", { a: 1 });
    const blocker = await pool.connect();
    await blocker.query(`begin; lock table ${schema}.flag_state`);
    const write = storage.saveCustomerFlags("c", { a: 2 }).catch((error: unknown) => error);
    const [pid] = await untilWaiting(opened, 1);
    await pool.query("select pg_terminate_backend($1)", [pid]);
    expect(await write).toMatchObject({ code: "STORAGE_UNAVAILABLE", cause: expect.any(Error) });
    await blocker.query("rollback");
    blocker.release();
    expect(await storage.getCustomerOverride("c")).toMatchObject({ flags: { a: 1 }, version: 1 });
    expect(await storage.saveCustomerFlags("c", { a: 3 })).toMatchObject({ version: 2, revision: 2 });
  });

  it("tell of each commit on the channel of the schema, and of nothing that was rolled back", async () => {
    const { pool, schema, url } = database();
    const { notificationChannel } = await import("../../../lib/storages/postgres/engine.ts");
    const storage = await postgresStorage({ pool, schema });
    const listener = new pg.Client(url);
    await listener.connect();
    const told: (string | undefined)[] = [];
    listener.on("notification", ({ payload }) => told.push(payload));
    await listener.query(`listen ${notificationChannel(schema)}`);
    await storage.saveCustomerFlags("c", { a: 1 });
    await pool.query(`create function ${schema}.no() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
      create trigger no before insert on ${schema}.customers for each row execute function ${schema}.no()`);
    await expect(storage.registerCustomers([{ id: "c" }])).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
    });
    await storage.registerOrganizations([{ id: "o" }]);
    await listener.query("select 1");
    const { epoch } = await storage.readState();
    expect(told.map((payload) => JSON.parse(payload ?? ""))).toEqual([
      [1, epoch, "customer", "c"],
      [2, epoch, "organization", "o"],
    ]);
    await listener.end();
  });
});
