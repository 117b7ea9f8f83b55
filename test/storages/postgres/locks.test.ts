import { describe, expect, it, onTestFinished } from "vitest";
import type { FlagStorage, LockedTenant, OverrideWrite } from "../../../lib/feature-flags/core/storage.ts";
import { postgresEngine } from "../../../lib/storages/postgres/engine.ts";
import { postgresStorage } from "../../../lib/storages/postgres/index.ts";
import { openTestDatabase, type TestDatabase } from "../../postgres-database.ts";
import { untilWaiting } from "./until-waiting.ts";

interface Scene extends TestDatabase {
  readonly storage: FlagStorage;
  /** Stops every write where it is about to take its revision; the returned function lets them go on. */
  stopWrites(): Promise<() => Promise<void>>;
}

async function scene(): Promise<Scene> {
  const database = openTestDatabase(undefined, 20);
  onTestFinished(() => database.close());
  const { pool, schema } = database;
  const storage = await postgresStorage({ pool, schema });
  await storage.registerCustomers([{ id: "member", organizationId: "org" }, { id: "loner" }]);
  return {
    ...database,
    storage,
    async stopWrites() {
      const blocker = await pool.connect();
      await blocker.query(`begin; select * from ${schema}.flag_state for update`);
      return async () => {
        await blocker.query("rollback");
        blocker.release();
      };
    },
  };
}

function write(
  details: Partial<OverrideWrite> & Pick<OverrideWrite, "tenant">,
  seen: LockedTenant[],
): OverrideWrite {
  return {
    changeId: "change",
    changedBy: "me",
    changedAt: 1,
    reason: "because",
    audit: "required",
    decide(current) {
      seen.push(current);
      return { flags: { by: details.tenant.id }, changes: [] };
    },
    ...details,
  };
}

const organization = { kind: "organization", id: "org" } as const;

describe("locks of a PostgreSQL storage", () => {
  it.each([
    ["the directory places in it", { tenant: { kind: "customer", id: "member" } }],
    ["the caller places in it", { tenant: { kind: "customer", id: "new" }, organizationId: "org" }],
  ] as const)("keep a customer that %s out until the organization's write is done", async (_, details) => {
    const test = await scene();
    const { storage, stopWrites } = test;
    const [seenByFirst, seenBySecond]: [LockedTenant[], LockedTenant[]] = [[], []];
    const goOn = await stopWrites();
    const first = storage.writeOverride(write({ tenant: organization, withCustomers: true }, seenByFirst));
    await untilWaiting(test, 1);
    const second = storage.writeOverride(write(details, seenBySecond));
    await untilWaiting(test, 2);
    expect(seenBySecond).toEqual([]);
    await goOn();
    await Promise.all([first, second]);
    expect(seenBySecond[0]?.organization?.flags).toEqual({ by: "org" });
  });

  it("keep an organization's write out until its customer's is done, and then show it", async () => {
    const test = await scene();
    const { storage, stopWrites } = test;
    const [seenByFirst, seenBySecond]: [LockedTenant[], LockedTenant[]] = [[], []];
    const goOn = await stopWrites();
    const first = storage.writeOverride(write({ tenant: { kind: "customer", id: "member" } }, seenByFirst));
    await untilWaiting(test, 1);
    const second = storage.writeOverride(write({ tenant: organization, withCustomers: true }, seenBySecond));
    await untilWaiting(test, 2);
    expect(seenBySecond).toEqual([]);
    await goOn();
    await Promise.all([first, second]);
    expect(seenBySecond[0]?.customers.get("member")?.flags).toEqual({ by: "member" });
  });

  it("let everybody else decide meanwhile", async () => {
    const test = await scene();
    const { storage, stopWrites } = test;
    const seen: LockedTenant[] = [];
    const goOn = await stopWrites();
    const others = [
      { tenant: organization },
      { tenant: { kind: "customer", id: "loner" } },
      { tenant: { kind: "customer", id: "org" } },
      { tenant: { kind: "organization", id: "other" } },
      { tenant: { kind: "customer", id: "elsewhere" }, organizationId: "third" },
    ] as const;
    const writes = others.map((details) => storage.writeOverride(write(details, seen)));
    await untilWaiting(test, others.length);
    expect(seen).toHaveLength(others.length);
    await goOn();
    const revisions = (await Promise.all(writes)).map(({ revision }) => revision);
    expect(revisions.sort()).toEqual([2, 3, 4, 5, 6]);
  });

  it("follow a customer that moves to another organization while its write waits", async () => {
    const test = await scene();
    const { pool, schema, storage, stopWrites } = test;
    const seen: LockedTenant[] = [];
    const goOn = await stopWrites();
    const ahead = storage.writeOverride(write({ tenant: { kind: "customer", id: "member" } }, []));
    await untilWaiting(test, 1);
    const behind = storage.writeOverride(write({ tenant: { kind: "customer", id: "member" } }, seen));
    await untilWaiting(test, 2);
    await pool.query(`update ${schema}.customers set organization_id = 'other' where id = 'member'`);
    const letOther = await holdOrganization(test, "other");
    await goOn();
    await ahead;
    await untilWaiting(test, 1);
    expect(seen).toEqual([]);
    await letOther();
    await behind;
    expect(seen.map(({ organizationId }) => organizationId)).toEqual(["other"]);
  });
});

/** Holds what a write of the organization holds; the returned function ends that. */
async function holdOrganization({ pool, schema }: TestDatabase, id: string): Promise<() => Promise<void>> {
  const options = { pool, schema, host: "here", replica: undefined, prepare: true, listen: undefined };
  const engine = postgresEngine({ ...options, onQuery: undefined, end: async () => undefined });
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const transaction = engine.transaction(async (trx) => {
    await engine.lockTenant(trx, { tenant: { kind: "organization", id } });
    hold();
    await over;
  });
  await held;
  return async () => {
    end();
    await transaction;
  };
}
