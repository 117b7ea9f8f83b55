import { expect, it, onTestFinished } from "vitest";
import { type PostgresPoolLike, postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { storeRollout } from "../../feature-flags/stored-rollouts.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";

/** A replica that has stopped: a snapshot held open. */
async function stoppedReplica({ pool, schema }: TestDatabase) {
  const snapshot = await pool.connect();
  await snapshot.query(`begin isolation level repeatable read; select * from ${schema}.flag_state`);
  onTestFinished(async () => {
    await snapshot.query("rollback");
    snapshot.release();
  });
  const asked = { count: 0 };
  const replica: PostgresPoolLike = {
    async connect() {
      return {
        query: (statement) => {
          asked.count += 1;
          return snapshot.query(statement);
        },
        on: () => undefined,
        removeListener: () => undefined,
        release: () => undefined,
      };
    },
    end: async () => undefined,
  };
  return { replica, asked };
}

it("a replica answers evaluations, unless it is behind what this storage has told of", async () => {
  const database = openTestDatabase();
  onTestFinished(database.close);
  const { pool, schema } = database;
  const writer = await postgresStorage({ pool, schema });
  await writer.saveCustomerFlags("c", { a: 1 });

  const { replica, asked: answered } = await stoppedReplica(database);
  const asked: string[] = [];
  const storage = await postgresStorage({ pool, schema, replica, onQuery: (sql) => asked.push(sql) });
  asked.length = 0;
  expect((await storage.readTenant({ customerId: "c" })).customer?.flags).toEqual({ a: 1 });
  expect([answered.count, asked.length]).toEqual([1, 1]);

  await writer.saveCustomerFlags("c", { a: 2 });
  expect((await storage.readTenant({ customerId: "c" })).customer?.flags).toEqual({ a: 1 });
  expect([answered.count, asked.length]).toEqual([2, 2]);

  await storage.changesSince(1, 10);
  asked.length = 0;
  expect(await storage.readTenant({ customerId: "c" })).toMatchObject({
    customer: { flags: { a: 2 } },
    revision: 2,
  });
  expect([answered.count, asked.length]).toEqual([3, 2]);
});

it("a replica that is behind the rollouts this storage has listed answers no evaluation", async () => {
  const database = openTestDatabase();
  onTestFinished(database.close);
  const { pool, schema } = database;
  const writer = await postgresStorage({ pool, schema });
  const { replica } = await stoppedReplica(database);
  const storage = await postgresStorage({ pool, schema, replica });
  const revision = await storeRollout(writer);
  expect(await storage.listRollouts()).toMatchObject({ revision });
  expect(await storage.readTenant({ customerId: "c" })).toMatchObject({ revision, rollouts: revision });
});
