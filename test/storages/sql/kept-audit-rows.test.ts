import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { engines, type SqlDatabase } from "./databases.ts";

const LEAVES = 1_200;

describe.each(engines)("kept audit rows on $name", ({ create }) => {
  let database: SqlDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database.remove());

  it("move all but the one that is still refused, which moves when it no longer is", async () => {
    const storage = await database.open();
    await database.run("alter table feature_flag_changes rename to out_of_reach");
    const flags = Object.fromEntries(Array.from({ length: LEAVES }, (_, n) => [`flag_${n}`, n]));
    const written = await storage.saveCustomerFlags("c", flags);
    expect(written).toMatchObject({ revision: 1, audit: "kept", auditError: expect.any(Error) });
    expect(await storage.saveCustomerFlags("other", { a: 1 })).toMatchObject({ revision: 2, audit: "kept" });

    // The place of one row is taken by another.
    await database.run("alter table out_of_reach rename to feature_flag_changes");
    await database.run(
      "insert into feature_flag_changes select * from pending_flag_changes where revision = 1 and position = 700",
    );
    expect(await storage.retryAudit()).toBe(1);
    expect(await storage.retryAudit()).toBe(1);
    const changes = [
      ...(await storage.listChanges({ limit: 1_000 })),
      ...(await storage.listChanges({ limit: 1_000, before: { revision: 1, position: 201 } })),
    ];
    expect(changes.map(({ revision, position }) => [revision, position])).toEqual([
      [2, 0],
      ...Array.from({ length: LEAVES }, (_, n) => [1, LEAVES - 1 - n]),
    ]);

    await database.run("update pending_flag_changes set revision = 3");
    expect(await storage.retryAudit()).toBe(0);
    expect(await storage.listChanges({ limit: 1 })).toMatchObject([{ revision: 3, position: 700 }]);
  });

  it("cannot be lost: where they cannot be kept either, the change is not made", async () => {
    const storage = await database.open();
    await database.run("alter table feature_flag_changes rename to out_of_reach");
    await database.run("alter table pending_flag_changes rename to also_out_of_reach");
    await expect(storage.saveCustomerFlags("c", { a: 1 })).rejects.toMatchObject({
      code: "AUDIT_UNAVAILABLE",
      cause: expect.any(Error),
    });
    expect(await storage.getCustomerOverride("c")).toBeUndefined();
    expect(await storage.readState()).toMatchObject({ revision: 0 });
  });

  it("are not made of a change that is itself refused", async () => {
    const storage = await database.open();
    await database.run("alter table flag_revisions rename to out_of_reach");
    await expect(storage.saveCustomerFlags("c", { a: 1 })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("flag_revisions"),
    });
    expect(await storage.retryAudit()).toBe(0);
    expect(await storage.listChanges({ limit: 10 })).toEqual([]);
  });
});
