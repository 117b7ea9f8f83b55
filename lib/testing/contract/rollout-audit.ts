import assert from "node:assert/strict";
import type { ChangeFilter, FlagStorage } from "../../feature-flags/core/storage.ts";
import { known, refused } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { putRollout, rolloutDecision, writeRollout } from "./rollout-writes.ts";
import { allChanges, wholeState } from "./whole-state.ts";
import { customer, organization, put, WRITTEN_AT } from "./writes.ts";

export const rolloutAudit = topic("the audit of rollouts", [
  contractCase(
    "a rollout's audit row says what changed, who did it, why and what led to it",
    async (storage) => {
      const details = {
        changeId: "change-1",
        changedBy: "ada",
        onBehalfOf: "bob",
        reason: "errors \u{1f600}",
      };
      const evidence = { errors: 7, interval: [0.05, 0.2], "odd key": null, nested: { list: [{}] } };
      const oldValue = { status: "in_progress", tier: 2, percentage: 10 };
      const newValue = { status: "rolled_back", tier: 2, percentage: 0 };
      const decision = rolloutDecision({ n: 1 }, { path: "chat.retry", oldValue, newValue, evidence });
      const written = await writeRollout(storage, "one", () => decision, details);
      const common = { featureName: "one", changedAt: WRITTEN_AT, position: 0 };
      assert.deepEqual((await storage.listChanges({ limit: 10 })).map(known), [
        {
          ...details,
          ...common,
          revision: written.revision,
          path: "chat.retry",
          oldValue,
          newValue,
          evidence,
        },
      ]);
      const unknown = { changeId: "change-2", changedBy: undefined, reason: undefined };
      const second = await putRollout(storage, "one", { n: 2 }, unknown);
      const [newest] = await storage.listChanges({ limit: 1 });
      assert.deepEqual(known(newest), {
        ...common,
        changeId: "change-2",
        revision: second.revision,
        path: "chat.tabSync",
        newValue: { tier: 1 },
      });
    },
  ),

  contractCase("a rollout's change that is about one tenant is found with that tenant", async (storage) => {
    const tenants = [customer("acme"), organization("acme"), undefined];
    for (const tenant of tenants) {
      await writeRollout(storage, "one", () => rolloutDecision({}, { tenant }));
    }
    await put(storage, customer("acme"), { beta: true });
    const about = async (filter: Omit<ChangeFilter, "limit">) =>
      (await storage.listChanges({ ...filter, limit: 10 })).map((row) => [
        row.featureName,
        row.customerId,
        row.organizationId,
      ]);
    assert.deepEqual(await about({ featureName: "one" }), [
      ["one", undefined, undefined],
      ["one", undefined, "acme"],
      ["one", "acme", undefined],
    ]);
    assert.deepEqual(await about({ customerId: "acme" }), [
      [undefined, "acme", undefined],
      ["one", "acme", undefined],
    ]);
    assert.deepEqual(await about({ organizationId: "acme" }), [["one", undefined, "acme"]]);
  }),

  contractCase("the trail can be asked for one rollout alone, page by page", async (storage) => {
    for (const n of [1, 2, 3]) {
      await putRollout(storage, "one", { n });
      await putRollout(storage, "two", { n }, { changeId: "the same" });
      await put(storage, customer("one"), { n });
    }
    const all = await allChanges(storage);
    for (const filter of [
      { featureName: "one" },
      { featureName: "two", changeId: "the same" },
      { featureName: "ONE" },
      { featureName: "on%" },
      { featureName: "one", path: "chat.tabSync" },
      { featureName: "one", customerId: "one" },
    ] satisfies Omit<ChangeFilter, "limit">[]) {
      const expected = all.filter((row) =>
        Object.entries(filter).every(([key, value]) => Reflect.get(row, key) === value),
      );
      assert.deepEqual(
        await storage.listChanges({ ...filter, limit: 100 }),
        expected,
        JSON.stringify(filter),
      );
    }
    const [newest, ...older] = await storage.listChanges({ featureName: "one", limit: 100 });
    assert.equal(older.length, 2);
    assert.deepEqual(await storage.listChanges({ featureName: "one", before: newest, limit: 100 }), older);
  }),

  contractCase("the last change of a tenant's leaf is never a rollout's", async (storage) => {
    await put(storage, customer("acme"), { "chat.tabSync": true });
    await put(storage, organization("acme"), { "chat.tabSync": false });
    const context = { customerId: "acme", organizationId: "acme" };
    const before = await storage.lastChanges(context);
    for (const tenant of [customer("acme"), organization("acme"), undefined]) {
      await writeRollout(storage, "one", () => rolloutDecision({}, { tenant, oldValue: 1, newValue: 2 }));
    }
    assert.equal(before.length, 2);
    assert.deepEqual(await storage.lastChanges(context), before);
  }),

  caseNeeding(
    ["refuseAudit"],
    "a rollout whose audit row is refused does not change, whatever is asked of the audit",
    async (storage, harness) => {
      await putRollout(storage, "one", { n: 1 });
      const before = await wholeState(storage);
      await harness.refuseAudit(true);
      for (const audit of ["required", "best-effort"] as const) {
        for (const name of ["one", "new"]) {
          await refused(putRollout(storage, name, { n: 2 }, { audit }), "AUDIT_UNAVAILABLE");
        }
      }
      assert.deepEqual(known(await writeRollout(storage, "one", () => undefined)), { version: 1 });
      await harness.refuseAudit(false);
      assert.equal(await storage.retryAudit(), 0);
      assert.deepEqual(await wholeState(storage), before);
      assert.equal((await putRollout(storage, "one", { n: 2 })).version, 2);
      assert.equal((await rowsOf(storage, "one")).length, 2);
    },
  ),

  caseNeeding(
    ["rewriteAudit"],
    "the database refuses to change or delete a rollout's audit rows, too",
    async (storage, harness) => {
      await putRollout(storage, "one", { n: 1 });
      const before = await allChanges(storage);
      for (const how of ["update", "delete"] as const) {
        const [outcome] = await Promise.allSettled([harness.rewriteAudit(how)]);
        assert.equal(outcome.status, "rejected", `the database let ${how} through`);
      }
      assert.deepEqual(await allChanges(storage), before);
    },
  ),
]);

function rowsOf(storage: FlagStorage, featureName: string) {
  return storage.listChanges({ featureName, limit: 100 });
}
