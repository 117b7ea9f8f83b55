import assert from "node:assert/strict";
import { isFlagError } from "../../feature-flags/core/errors.ts";
import { caseNeeding, topic } from "./contract-case.ts";
import { allChanges, wholeFeed, wholeState } from "./whole-state.ts";
import { customer, flagsOf, organization, put, setting, write } from "./writes.ts";

export const sharedData = topic("two storages on the same data", [
  caseNeeding(
    ["another"],
    "what one writes, the other reads and finds in the feed",
    async (storage, harness) => {
      const other = await harness.another();
      for (const one of [storage, other]) await one.readTenant({ customerId: "cust_1" });
      await put(storage, customer("cust_1"), { beta: true });
      await put(other, customer("cust_1"), { seats: 5 });
      await other.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
      await put(storage, organization("org_1"), { beta: false });
      for (const one of [storage, other]) {
        const record = await one.readTenant({ customerId: "cust_1" });
        assert.deepEqual(flagsOf(record.customer), { beta: true, seats: 5 });
        assert.deepEqual([record.customer?.version, record.organizationId, record.revision], [2, "org_1", 4]);
        assert.equal((await wholeFeed(one)).length, 4);
      }
      assert.deepEqual(await wholeState(other), await wholeState(storage));
    },
  ),

  caseNeeding(["another"], "writers of both on one row at once lose nothing", async (storage, harness) => {
    const other = await harness.another();
    const written = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        write(n % 2 === 0 ? storage : other, customer("cust_1"), (current) => {
          const count = Number(flagsOf(current.own)["count"] ?? 0);
          return setting(current, { [`leaf_${n}`]: n, count: count + 1 });
        }),
      ),
    );
    const expected = Array.from({ length: 100 }, (_, n) => n + 1);
    assert.deepEqual(
      written.map((one) => one.version).sort((left, right) => left - right),
      expected,
    );
    assert.equal(flagsOf(await other.getCustomerOverride("cust_1"))["count"], 100);
    assert.deepEqual(
      (await wholeFeed(storage)).map((event) => event.revision),
      expected,
    );
    const leaves = (await allChanges(storage)).filter((row) => row.path !== "count");
    assert.deepEqual(new Set(leaves.map((row) => row.path)), new Set(expected.map((n) => `leaf_${n - 1}`)));
  }),

  caseNeeding(["another"], "a rule across layers holds between writers of both", async (storage, harness) => {
    const other = await harness.another();
    const pairs = Array.from({ length: 10 }, (_, n) => [`cust_${n}`, `org_${n}`] as const);
    await storage.registerCustomers(pairs.map(([id, organizationId]) => ({ id, organizationId })));
    const held = new Error("the other one was first");
    const outcomes = await Promise.allSettled(
      pairs.flatMap(([customerId, organizationId]) => [
        write(storage, customer(customerId), (current) => {
          if (flagsOf(current.organization)["base"] === false) throw held;
          return setting(current, { needsBase: true });
        }),
        write(
          other,
          organization(organizationId),
          (current) => {
            if (flagsOf(current.customers.get(customerId))["needsBase"] === true) throw held;
            return setting(current, { base: false });
          },
          { withCustomers: true },
        ),
      ]),
    );
    for (const [customerId] of pairs) {
      const { customer: own, organization: above } = await storage.readTenant({ customerId });
      assert.equal([own, above].filter((override) => override !== undefined).length, 1, customerId);
    }
    for (const outcome of outcomes) assert.ok(outcome.status === "fulfilled" || outcome.reason === held);
  }),

  caseNeeding(
    ["another"],
    "of first admin keys added through both, exactly one is",
    async (storage, harness) => {
      const other = await harness.another();
      const added = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 === 0 ? storage : other).addFirstAdminKey({
            id: `key_${n}`,
            role: "admin",
            name: "first",
            secretHash: "00",
            createdAt: n,
          }),
        ),
      );
      assert.equal(added.filter(Boolean).length, 1);
    },
  ),

  caseNeeding(
    ["another", "refuseAudit"],
    "rows kept aside and retried through both are written once",
    async (storage, harness) => {
      const other = await harness.another();
      await harness.refuseAudit(true);
      for (let n = 0; n < 10; n += 1) await put(n % 2 === 0 ? storage : other, customer(`cust_${n}`), { n });
      await harness.refuseAudit(false);
      await Promise.all([storage, other, storage, other].map((one) => one.retryAudit()));
      assert.equal(await storage.retryAudit(), 0);
      const rows = await allChanges(other);
      assert.deepEqual(
        rows.map((row) => row.customerId),
        Array.from({ length: 10 }, (_, n) => `cust_${9 - n}`),
      );
    },
  ),

  caseNeeding(["another"], "closing one leaves the other open", async (storage, harness) => {
    const other = await harness.another();
    await storage.close();
    assert.equal((await put(other, customer("cust_1"), { beta: true })).version, 1);
    const [closed] = await Promise.allSettled([storage.readState()]);
    assert.ok(closed.status === "rejected" && isFlagError(closed.reason, "CLOSED"));
  }),
]);
