import assert from "node:assert/strict";
import type { TenantRef } from "../../feature-flags/core/storage.ts";
import { contractCase, topic } from "./contract-case.ts";
import { byCodePoint, HOSTILE_IDS } from "./hostile-ids.ts";
import { allOverrides } from "./whole-state.ts";
import { customer, organization, put } from "./writes.ts";

export const overridePaging = topic("paging through overrides", [
  contractCase(
    "pages of any size show every override once: customers by id, then organizations",
    async (storage) => {
      for (const id of HOSTILE_IDS) {
        await put(storage, organization(id), { of: `organization ${id}` });
        await put(storage, customer(id), { of: `customer ${id}` });
      }
      const ids = HOSTILE_IDS.toSorted(byCodePoint);
      const expected = [...ids.map(customer), ...ids.map(organization)];
      for (const limit of [1, 7, HOSTILE_IDS.length, 2 * HOSTILE_IDS.length, 1_000]) {
        const all = await allOverrides(storage, limit);
        assert.deepEqual(
          all.map((override) => override.tenant),
          expected,
          `pages of ${limit}`,
        );
        for (const { tenant, flags, version } of all) {
          assert.deepEqual({ flags, version }, { flags: { of: `${tenant.kind} ${tenant.id}` }, version: 1 });
        }
      }
    },
  ),

  contractCase("the last page says that it is the last", async (storage) => {
    assert.deepEqual(await storage.listOverrides({ limit: 10 }), { overrides: [], next: undefined });
    for (const id of ["a", "b"]) await put(storage, customer(id), { beta: true });
    assert.equal((await storage.listOverrides({ limit: 2 })).next, undefined);
    const first = await storage.listOverrides({ limit: 1 });
    assert.deepEqual(first.next, customer("a"));
    assert.equal((await storage.listOverrides({ after: first.next, limit: 1 })).next, undefined);
    await put(storage, organization("a"), { beta: true });
    assert.deepEqual((await storage.listOverrides({ limit: 2 })).next, customer("b"));
  }),

  contractCase(
    "what is written between two pages neither hides nor repeats another override",
    async (storage) => {
      const ids = Array.from({ length: 20 }, (_, n) => `cust_${String(n).padStart(2, "0")}`);
      for (const id of ids) await put(storage, customer(id), { beta: true });
      const seen: string[] = [];
      let after: TenantRef | undefined;
      do {
        const page = await storage.listOverrides({ after, limit: 3 });
        seen.push(...page.overrides.map((override) => override.tenant.id));
        after = page.next;
        await put(storage, customer("aaa"), { seen: seen.length });
        await put(storage, customer(seen.at(-1) ?? ""), { seen: true });
        await put(storage, customer(`${seen.at(-1)}_new`), { seen: true });
      } while (after !== undefined);
      assert.deepEqual(
        seen.filter((id) => ids.includes(id)),
        ids,
      );
      assert.equal(new Set(seen).size, seen.length, "none is shown twice");
    },
  ),
]);
