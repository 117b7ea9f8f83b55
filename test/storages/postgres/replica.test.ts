import { expect, it, onTestFinished } from "vitest";
import { type PostgresPoolLike, postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { openTestDatabase } from "../../postgres-database.ts";

it("a replica answers evaluations, unless it is behind what this storage has told of", async () => {
  const { pool, schema, close } = openTestDatabase();
  onTestFinished(close);
  const writer = await postgresStorage({ pool, schema });
  await writer.saveCustomerFlags("c", { a: 1 });

  // A snapshot held open is a replica that has stopped.
  const snapshot = await pool.connect();
  await snapshot.query(`begin isolation level repeatable read; select * from ${schema}.flag_state`);
  let answered = 0;
  const replica: PostgresPoolLike = {
    async connect() {
      return {
        query: (statement) => {
          answered += 1;
          return snapshot.query(statement);
        },
        on: () => undefined,
        removeListener: () => undefined,
        release: () => undefined,
      };
    },
    end: async () => undefined,
  };
  const asked: string[] = [];
  const storage = await postgresStorage({ pool, schema, replica, onQuery: (sql) => asked.push(sql) });
  asked.length = 0;
  expect((await storage.readTenant({ customerId: "c" })).customer?.flags).toEqual({ a: 1 });
  expect([answered, asked.length]).toEqual([1, 1]);

  await writer.saveCustomerFlags("c", { a: 2 });
  expect((await storage.readTenant({ customerId: "c" })).customer?.flags).toEqual({ a: 1 });
  expect([answered, asked.length]).toEqual([2, 2]);

  await storage.changesSince(1, 10);
  asked.length = 0;
  expect(await storage.readTenant({ customerId: "c" })).toMatchObject({
    customer: { flags: { a: 2 } },
    revision: 2,
  });
  expect([answered, asked.length]).toEqual([3, 2]);
  await snapshot.query("rollback");
  snapshot.release();
});
