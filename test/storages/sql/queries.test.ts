import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { engines, type SqlDatabase } from "./databases.ts";

describe.each(engines)("queries on $name", ({ name, create }) => {
  const asked: string[] = [];
  const onQuery = (sql: string) => void asked.push(sql);
  let database: SqlDatabase;
  beforeEach(async () => {
    asked.length = 0;
    database = await create();
  });
  afterEach(() => database.remove());

  it("read a tenant with one, known or not", async () => {
    const storage = await database.open({ onQuery });
    await storage.registerCustomers([{ id: "c", organizationId: "o" }]);
    await storage.saveOrganizationFlags("o", { a: 1 });
    const contexts = [{ customerId: "c" }, { organizationId: "o" }, { customerId: "none" }, {}];
    asked.length = 0;
    for (const context of contexts) await storage.readTenant(context);
    expect(asked).toHaveLength(contexts.length);
    expect(new Set(asked).size).toBe(1);
  });

  it("write an override in few, the same number whatever the number of leaves", async () => {
    const storage = await database.open({ onQuery });
    const flags = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`flag_${n}`, n]));
    asked.length = 0;
    const { changes } = await storage.saveCustomerFlags("c", flags);
    expect(changes).toHaveLength(5_000);
    expect(asked).toHaveLength(name === "SQLite" ? 8 : 6);
    expect(await storage.listChanges({ limit: 1_000 })).toHaveLength(1_000);
  });

  it("say that a transaction failed, and why, when any of them does", async () => {
    let failing = false;
    const storage = await database.open({
      onQuery: (sql) => {
        if (failing && sql.includes("flag_revisions")) throw new Error("the wire was cut");
      },
    });
    failing = true;
    await expect(storage.saveCustomerFlags("c", { a: 1 })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining("the wire was cut"),
      cause: expect.any(Error),
    });
    failing = false;
    expect(await storage.saveCustomerFlags("c", { a: 1 })).toMatchObject({ version: 1, revision: 1 });
  });

  it("that were asked before close are answered; later ones are refused", async () => {
    const storage = await database.open();
    await storage.saveCustomerFlags("c", { a: 1 });
    const before = [
      storage.readTenant({ customerId: "c" }),
      storage.saveCustomerFlags("c", { a: 2 }),
      storage.listOverrides({ limit: 10 }),
      storage.registerCustomers([{ id: "c" }]),
    ];
    const closed = storage.close();
    await expect(storage.readTenant({ customerId: "c" })).rejects.toMatchObject({ code: "CLOSED" });
    const answers = await Promise.allSettled(before);
    expect(answers.map(({ status }) => status)).toEqual(before.map(() => "fulfilled"));
    await closed;
    await storage.close();
  });
});
