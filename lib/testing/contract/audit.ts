import assert from "node:assert/strict";
import type { ChangeFilter, FlagStorage } from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent } from "../../feature-flags/core/types.ts";
import { known } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { allChanges } from "./whole-state.ts";
import { customer, leafChange, organization, put, remove, WRITTEN_AT, write } from "./writes.ts";

export const audit = topic("audit", [
  contractCase(
    "each changed leaf has a row with its place, values, actor, time and reason",
    async (storage) => {
      const changes = [
        { path: "chat.tabSync", oldValue: false, newValue: true, oldOverride: undefined, newOverride: true },
        { path: "seats", oldValue: 3, newValue: [5], oldOverride: 3, newOverride: [5] },
      ];
      const details = {
        changeId: "change-1",
        changedBy: "ada",
        onBehalfOf: "bob",
        reason: "pilot \u{1f600}",
      };
      const written = await write(storage, customer("cust_1"), () => ({ flags: {}, changes }), details);
      const common = { ...details, revision: written.revision, customerId: "cust_1", changedAt: WRITTEN_AT };
      assert.deepEqual((await storage.listChanges({ limit: 10 })).map(known), [
        { ...common, position: 1, ...changes[1] },
        { ...common, position: 0, path: "chat.tabSync", oldValue: false, newValue: true, newOverride: true },
      ]);
    },
  ),

  contractCase("who and why may be unknown, and a row is about one tenant", async (storage) => {
    const unknown = { changeId: "change-1", changedBy: undefined, reason: undefined };
    const written = await put(storage, organization("org_1"), { beta: true }, unknown);
    const [row] = await storage.listChanges({ limit: 10 });
    assert.deepEqual(known(row), {
      changeId: "change-1",
      revision: written.revision,
      position: 0,
      organizationId: "org_1",
      path: "beta",
      newValue: true,
      newOverride: true,
      changedAt: WRITTEN_AT,
    });
  }),

  contractCase("null as a value and inherited are kept apart", async (storage) => {
    await put(storage, customer("cust_1"), { note: null });
    await put(storage, customer("cust_1"), { note: "text" });
    await put(storage, customer("cust_1"), { note: null });
    await remove(storage, customer("cust_1"), ["note"]);
    const rows = await storage.listChanges({ limit: 10 });
    assert.deepEqual(
      rows.map((row) => [row.oldOverride, row.newOverride]),
      [
        [null, undefined],
        ["text", null],
        [null, "text"],
        [undefined, null],
      ],
    );
    assert.deepEqual(
      rows.map((row) => [row.oldValue, row.newValue]),
      [
        [null, undefined],
        ["text", null],
        [null, "text"],
        [undefined, null],
      ],
    );
  }),

  contractCase("the trail is listed newest first, and each filter keeps only its own", async (storage) => {
    await fillTrail(storage);
    const all = await storage.listChanges({ limit: 1_000 });
    assert.deepEqual([...all].sort(newestFirst), all);
    const filters: readonly Omit<ChangeFilter, "limit">[] = [
      { customerId: "a" },
      { organizationId: "a" },
      { path: "beta" },
      { changeId: "change-2" },
      { customerId: "b", path: "seats" },
      { customerId: "a", organizationId: "a" },
      { path: "bet%" },
      { customerId: "A" },
    ];
    for (const filter of filters) {
      const expected = all.filter((row) =>
        Object.entries(filter).every(([key, value]) => Reflect.get(row, key) === value),
      );
      assert.deepEqual(
        await storage.listChanges({ ...filter, limit: 1_000 }),
        expected,
        JSON.stringify(filter),
      );
    }
    assert.equal((await storage.listChanges({ customerId: "a", limit: 1_000 })).length, 6);
  }),

  contractCase("paging backwards shows each row once, also within one revision", async (storage) => {
    await fillTrail(storage);
    const whole = await storage.listChanges({ limit: 1_000 });
    for (const limit of [1, 2, 5, whole.length]) assert.deepEqual(await allChanges(storage, limit), whole);
    const oldest = whole.at(-1);
    assert.deepEqual(await storage.listChanges({ before: oldest, limit: 10 }), []);
    const ofB = whole.filter((row) => row.customerId === "b");
    const rest = await storage.listChanges({ customerId: "b", before: ofB[0], limit: 10 });
    assert.deepEqual(rest, ofB.slice(1));
  }),

  contractCase(
    "a change of three thousand leaves keeps its three thousand rows in order",
    async (storage) => {
      const changes = Array.from({ length: 3_000 }, (_, n) => leafChange(`leaf_${n}`, undefined, n));
      await write(storage, customer("cust_1"), () => ({ flags: { many: true }, changes }));
      const rows = await allChanges(storage);
      assert.deepEqual(
        rows.map((row) => [row.position, row.path]).reverse(),
        changes.map((change, n) => [n, change.path]),
      );
    },
  ),

  contractCase("the last change of each leaf is the newest that touched its override", async (storage) => {
    await storage.registerCustomers([{ id: "a", organizationId: "a" }]);
    await fillTrail(storage);
    // Seen otherwise because of a layer below, while the override itself stayed.
    const seenOtherwise = { path: "beta", oldValue: 1, newValue: 2, oldOverride: 3, newOverride: 3 };
    await write(storage, customer("a"), () => ({ flags: {}, changes: [seenOtherwise] }));
    const oldestFirst = (await allChanges(storage)).toReversed();
    const tenantsOf = [
      [{ customerId: "a", organizationId: "b" }, "a", "b"],
      [{ customerId: "a" }, "a", "a"],
      [{ customerId: "b" }, "b", undefined],
      [{ organizationId: "b" }, undefined, "b"],
      [{}, undefined, undefined],
    ] as const;
    for (const [context, customerId, organizationId] of tenantsOf) {
      const newest = new Map<string, FlagChangeEvent>();
      for (const row of oldestFirst) {
        const tenant = row.customerId === undefined ? organizationId : customerId;
        const isOne = tenant !== undefined && (row.customerId ?? row.organizationId) === tenant;
        const touched = JSON.stringify([row.oldOverride]) !== JSON.stringify([row.newOverride]);
        const inherits = (row.oldOverride === undefined) !== (row.newOverride === undefined);
        if (isOne && (touched || inherits)) newest.set(JSON.stringify([row.customerId, row.path]), row);
      }
      const found = await storage.lastChanges(context);
      const expected = [...newest.values()].sort(newestFirst);
      assert.deepEqual([...found].sort(newestFirst), expected, JSON.stringify(context));
    }
  }),

  caseNeeding(["queries"], "the last changes take one query", async (storage, harness) => {
    await fillTrail(storage);
    const before = harness.queries();
    await storage.lastChanges({ customerId: "a", organizationId: "a" });
    assert.equal(harness.queries() - before, 1);
  }),

  caseNeeding(
    ["rewriteAudit"],
    "the database itself refuses to change or delete audit rows",
    async (storage, harness) => {
      await fillTrail(storage);
      const before = await allChanges(storage);
      for (const how of ["update", "delete"] as const) {
        const [outcome] = await Promise.allSettled([harness.rewriteAudit(how)]);
        assert.equal(outcome.status, "rejected", `the database let ${how} through`);
        assert.deepEqual(await allChanges(storage), before, how);
      }
      await put(storage, customer("a"), { beta: "still writable" });
      assert.equal((await allChanges(storage)).length, before.length + 1);
    },
  ),
]);

/** Several tenants, several leaves per change, several changes per leaf. */
async function fillTrail(storage: FlagStorage): Promise<void> {
  for (const step of [1, 2, 3]) {
    const details = { changeId: `change-${step}` };
    await put(storage, customer("a"), { beta: step, seats: -step }, details);
    await put(storage, organization("a"), { beta: step * 10 }, { changeId: `organization-${step}` });
    await put(storage, customer("b"), { seats: step, beta: null, note: "x" }, { changeId: `other-${step}` });
    await put(storage, organization("b"), { note: step }, { changeId: `second-${step}` });
  }
}

function newestFirst(left: FlagChangeEvent, right: FlagChangeEvent): number {
  return right.revision - left.revision || right.position - left.position;
}
