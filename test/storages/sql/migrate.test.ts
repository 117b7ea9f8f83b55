import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MIGRATION_NAMES } from "../../../lib/storages/sql/migrations/index.ts";
import { engines, type SqlDatabase } from "./databases.ts";

describe.each(engines)("migrations on $name", ({ create }) => {
  let database: SqlDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database.remove());

  it("names what they applied, and apply it once", async () => {
    expect(await database.migrate()).toEqual(MIGRATION_NAMES);
    expect(await database.migrate()).toEqual([]);
  });

  it("are done by one of eight that start at once", async () => {
    const applied = await Promise.all(Array.from({ length: 8 }, () => database.migrate()));
    expect(applied.flat()).toEqual(MIGRATION_NAMES);
    const storages = await Promise.all(Array.from({ length: 8 }, () => database.open()));
    const epochs = await Promise.all(storages.map(async (storage) => (await storage.readState()).epoch));
    expect(new Set(epochs).size).toBe(1);
    expect(epochs[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("refuse a schema newer than the code, and leave it as it is", async () => {
    await database.migrate();
    await database.run("insert into strata_migrations values ('0999-later', '2099-01-01T00:00:00.000Z')");
    for (const migrate of [true, false]) {
      await expect(database.open({ migrate })).rejects.toMatchObject({
        code: "SCHEMA_TOO_NEW",
        message: expect.stringContaining("0999-later"),
      });
    }
  });

  it("are asked for where the schema is outdated and may not be changed", async () => {
    await expect(database.open({ migrate: false })).rejects.toMatchObject({
      code: "SCHEMA_OUTDATED",
      message: expect.stringContaining("strata migrate"),
    });
    await database.migrate();
    const storage = await database.open({ migrate: false });
    expect((await storage.readState()).revision).toBe(0);
  });

  it("happen whole or not at all", async () => {
    await database.migrate();
    await database.run("drop table strata_migrations");
    const failure = await database.open().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: "STORAGE_UNAVAILABLE", cause: expect.any(Error) });
    // The table that records migrations was made anew in the failed transaction, and is gone with it.
    await expect(database.run("select * from strata_migrations")).rejects.toThrow(/strata_migrations/);
  });
});
