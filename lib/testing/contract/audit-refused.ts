import assert from "node:assert/strict";
import { refused } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { allChanges, wholeFeed, wholeState } from "./whole-state.ts";
import { customer, flagsOf, organization, put } from "./writes.ts";

export const auditRefused = topic("audit refused", [
  contractCase("without rows kept aside there is nothing to retry", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const before = await wholeState(storage);
    assert.equal(await storage.retryAudit(), 0);
    assert.deepEqual(await wholeState(storage), before);
  }),

  caseNeeding(
    ["refuseAudit"],
    "a best-effort change commits when its audit rows are refused, and they are kept",
    async (storage, harness) => {
      await put(storage, customer("cust_1"), { beta: true });
      const before = await allChanges(storage);
      await harness.refuseAudit(true);
      const written = await put(storage, customer("cust_1"), { beta: false, seats: 5 });
      assert.equal(written.audit, "kept");
      assert.ok(written.auditError !== undefined, "the answer must say why");
      assert.equal(written.version, 2);
      assert.deepEqual((await storage.getCustomerOverride("cust_1"))?.flags, { beta: false, seats: 5 });
      assert.equal((await storage.readState()).revision, written.revision);
      assert.deepEqual((await wholeFeed(storage)).at(-1), {
        revision: written.revision,
        scope: "customer",
        id: "cust_1",
      });
      assert.deepEqual(await allChanges(storage), before);
    },
  ),

  caseNeeding(
    ["refuseAudit"],
    "kept rows are written as they would have been, once the table takes them",
    async (storage, harness) => {
      const changes = [
        { tenant: customer("cust_1"), flags: { beta: null, seats: 5 }, details: { onBehalfOf: "bob" } },
        {
          tenant: organization("org_1"),
          flags: { beta: [1] },
          details: { changedBy: undefined, reason: undefined },
        },
        { tenant: customer("cust_1"), flags: { beta: false }, details: { reason: "second" } },
      ];
      await harness.refuseAudit(true);
      const revisions: (number | undefined)[] = [];
      for (const [place, { tenant, flags, details }] of changes.entries()) {
        const written = await put(storage, tenant, flags, { changeId: `change-${place}`, ...details });
        assert.equal(written.audit, "kept");
        revisions.push(written.revision);
      }
      const waiting = await storage.retryAudit();
      assert.ok(waiting > 0, "while the table refuses, the rows go on waiting");
      assert.deepEqual(await allChanges(storage), []);
      await harness.refuseAudit(false);
      const later = await put(storage, customer("cust_2"), { beta: true });
      assert.equal(later.audit, "written");
      const state = await storage.readState();
      assert.equal(await storage.retryAudit(), 0);
      assert.equal(await storage.retryAudit(), 0);
      assert.deepEqual(await storage.readState(), state, "writing kept rows is no new revision");
      const rows = (await allChanges(storage)).toReversed();
      assert.deepEqual(
        rows.map((row) => [
          row.revision,
          row.position,
          row.changeId,
          row.path,
          row.oldOverride,
          row.newOverride,
        ]),
        [
          [revisions[0], 0, "change-0", "beta", undefined, null],
          [revisions[0], 1, "change-0", "seats", undefined, 5],
          [revisions[1], 0, "change-1", "beta", undefined, [1]],
          [revisions[2], 0, "change-2", "beta", null, false],
          [later.revision, 0, rows.at(-1)?.changeId, "beta", undefined, true],
        ],
      );
      const facts = rows.map((row) => [
        row.customerId,
        row.organizationId,
        row.changedBy,
        row.onBehalfOf,
        row.reason,
      ]);
      const why = "the contract asks for it";
      assert.deepEqual(facts, [
        ["cust_1", undefined, "ada", "bob", why],
        ["cust_1", undefined, "ada", "bob", why],
        [undefined, "org_1", undefined, undefined, undefined],
        ["cust_1", undefined, "ada", undefined, "second"],
        ["cust_2", undefined, "ada", undefined, why],
      ]);
    },
  ),

  caseNeeding(
    ["refuseAudit"],
    "where the audit is required, a refused row undoes the whole change",
    async (storage, harness) => {
      await put(storage, customer("cust_1"), { beta: true }, { audit: "required" });
      const before = await wholeState(storage);
      await harness.refuseAudit(true);
      for (const tenant of [customer("cust_1"), organization("org_1")]) {
        await refused(put(storage, tenant, { beta: false }, { audit: "required" }), "AUDIT_UNAVAILABLE");
      }
      assert.deepEqual(await wholeState(storage), before);
      await harness.refuseAudit(false);
      assert.equal(await storage.retryAudit(), 0);
      assert.deepEqual(await wholeState(storage), before);
      const next = await put(storage, customer("cust_1"), { beta: false }, { audit: "required" });
      assert.deepEqual([next.version, next.audit], [2, "written"]);
    },
  ),

  caseNeeding(
    ["refuseAudit"],
    "while the audit is refused, an unchanged decision and reading go on as ever",
    async (storage, harness) => {
      await storage.saveCustomerFlags("cust_1", { beta: true });
      await harness.refuseAudit(true);
      const same = await storage.saveCustomerFlags("cust_1", { beta: true });
      assert.deepEqual([same.revision, same.audit], [undefined, "written"]);
      assert.deepEqual(flagsOf((await storage.readTenant({ customerId: "cust_1" })).customer), {
        beta: true,
      });
      await storage.registerCustomers([{ id: "cust_1" }]);
      assert.equal((await storage.countTenants()).customers, 1);
    },
  ),

  caseNeeding(["refuseAudit", "reopen"], "kept rows wait through a restart", async (storage, harness) => {
    await harness.refuseAudit(true);
    const written = await put(storage, customer("cust_1"), { beta: true });
    assert.equal(written.audit, "kept");
    await storage.close();
    await harness.refuseAudit(false);
    const reopened = await harness.reopen();
    assert.equal(await reopened.retryAudit(), 0);
    const rows = await allChanges(reopened);
    assert.deepEqual(
      rows.map((row) => [row.revision, row.path]),
      [[written.revision, "beta"]],
    );
  }),
]);
