import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { refused } from "./checks.ts";
import { caseNeeding, topic } from "./contract-case.ts";
import { attempt, FAULTY, failAtEveryQuery } from "./failing-queries.ts";
import { report } from "./instances.ts";
import { customer, flagsOf, organization, put } from "./writes.ts";

export const faults = topic("faults", [
  caseNeeding(
    FAULTY,
    "a write that fails at any query leaves everything as it was, and the next one works",
    async (storage, harness) => {
      await seed(storage);
      const details = { audit: "required", withCustomers: true } as const;
      for (const tenant of [customer("cust_1"), organization("org_1"), customer("new")]) {
        await failAtEveryQuery(storage, harness, {
          make: (n) => put(storage, tenant, { step: n, note: "x" }, details),
          made: async (n) => {
            const [override] = await storage.readOverrides([tenant]);
            assert.equal(flagsOf(override)["step"], n);
            const newest = await storage.listChanges({ limit: 2 });
            assert.deepEqual(
              newest.map((row) => [row.revision, row.path]),
              [
                [override?.revision, "note"],
                [override?.revision, "step"],
              ],
            );
          },
        });
      }
    },
  ),

  caseNeeding(
    FAULTY,
    "a best-effort write that fails at any query is whole, or was never made",
    async (storage, harness) => {
      await seed(storage);
      await failAtEveryQuery(storage, harness, {
        make: (n) => put(storage, customer("cust_1"), { step: n }),
        made: async (n) => {
          // Its audit rows alone may have failed without undoing the change, and then they were kept.
          assert.equal(await storage.retryAudit(), 0);
          const override = await storage.getCustomerOverride("cust_1");
          assert.equal(flagsOf(override)["step"], n);
          const [newest] = await storage.listChanges({ limit: 1 });
          assert.deepEqual([newest?.revision, newest?.newOverride], [override?.revision, n]);
        },
      });
    },
  ),

  caseNeeding(FAULTY, "a registration that fails at any query registers nobody", async (storage, harness) => {
    await seed(storage);
    const records = Array.from({ length: 6_000 }, (_, n) => ({ id: `new_${n}`, organizationId: "org_1" }));
    await failAtEveryQuery(storage, harness, {
      make: () => storage.registerCustomers(records),
      made: async () => assert.equal((await storage.countTenants()).customers, records.length + 1),
    });
    await failAtEveryQuery(storage, harness, {
      make: () => storage.registerOrganizations(records),
      made: async () => assert.equal((await storage.countTenants()).organizations, records.length + 1),
    });
  }),

  caseNeeding(FAULTY, "a first admin key that fails at any query is not stored", async (storage, harness) => {
    const key = { id: "one", role: "admin", name: "first", secretHash: "00", createdAt: 1 };
    await failAtEveryQuery(storage, harness, {
      make: () => storage.addFirstAdminKey(key),
      made: async () => assert.deepEqual({ ...(await storage.findAdminKey("one")) }, key),
      notMade: async () => assert.equal(await storage.findAdminKey("one"), undefined),
    });
  }),

  caseNeeding(FAULTY, "a report that fails at any query leaves the last one", async (storage, harness) => {
    const revisionOf = async () => (await storage.listInstances(0)).map(({ revision }) => revision);
    await storage.reportInstance(report({ revision: 0 }));
    await failAtEveryQuery(storage, harness, {
      make: (n) => storage.reportInstance(report({ revision: n })),
      made: async (n) => assert.deepEqual(await revisionOf(), [n]),
      notMade: async () => assert.deepEqual(await revisionOf(), [0]),
    });
    await failAtEveryQuery(storage, harness, {
      make: () => storage.removeInstances("one", 0),
      made: async () => assert.deepEqual(await revisionOf(), []),
      notMade: async () => assert.equal((await revisionOf()).length, 1),
    });
  }),

  caseNeeding(
    [...FAULTY, "refuseAudit"],
    "kept audit rows survive a retry that fails at any query",
    async (storage, harness) => {
      await harness.refuseAudit(true);
      const first = await put(storage, customer("cust_1"), { beta: true, note: "x" });
      const second = await put(storage, organization("org_1"), { beta: false });
      await harness.refuseAudit(false);
      for (let n = 1; ; n += 1) {
        const [outcome, reached] = await attempt(harness, n, () => storage.retryAudit());
        if (outcome.status === "rejected") await refused(Promise.reject(outcome.reason));
        if (!reached) break;
      }
      assert.equal(await storage.retryAudit(), 0);
      const rows = await storage.listChanges({ limit: 10 });
      assert.deepEqual(
        rows.map((row) => [row.revision, row.position]),
        [
          [second.revision, 0],
          [first.revision, 1],
          [first.revision, 0],
        ],
      );
    },
  ),

  caseNeeding(
    FAULTY,
    "a failed read is an error with a code and never an answer",
    async (storage, harness) => {
      await seed(storage);
      const reads: Readonly<Record<string, () => Promise<unknown>>> = {
        readTenant: () => storage.readTenant({ customerId: "cust_1" }),
        getCustomerOverride: () => storage.getCustomerOverride("cust_1"),
        getOrganizationOverride: () => storage.getOrganizationOverride("org_1"),
        listOverrides: () => storage.listOverrides({ limit: 10 }),
        readOverrides: () => storage.readOverrides([customer("cust_1"), organization("org_1")]),
        listChanges: () => storage.listChanges({ limit: 10 }),
        lastChanges: () => storage.lastChanges({ customerId: "cust_1" }),
        readState: () => storage.readState(),
        listRollouts: () => storage.listRollouts(),
        countRolloutEvents: () => storage.countRolloutEvents({ featureName: "one", since: 0, until: 1 }),
        changesSince: () => storage.changesSince(0, 10),
        listInstances: () => storage.listInstances(0),
        listOrganizations: () => storage.listOrganizations({ limit: 10 }),
        listCustomers: () => storage.listCustomers({ limit: 10 }),
        readCustomers: () => storage.readCustomers(["cust_1", "unknown"]),
        countTenants: () => storage.countTenants(),
        findAdminKey: () => storage.findAdminKey("unknown"),
      };
      for (const [name, read] of Object.entries(reads)) {
        const expected = await read();
        for (let n = 1; ; n += 1) {
          const [outcome, reached] = await attempt(harness, n, read);
          if (!reached) break;
          assert.equal(outcome.status, "rejected", `${name} answered though its query ${n} failed`);
          if (outcome.status === "rejected")
            await refused(Promise.reject(outcome.reason), "STORAGE_UNAVAILABLE");
          assert.deepEqual(await read(), expected, `${name} after a failure`);
        }
      }
    },
  ),
]);

async function seed(storage: FlagStorage): Promise<void> {
  await storage.registerOrganizations([{ id: "org_1", name: "One" }]);
  await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
  await put(storage, customer("cust_1"), { beta: true, seats: 5 });
  await put(storage, organization("org_1"), { beta: true });
}
