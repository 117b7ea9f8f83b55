import assert from "node:assert/strict";
import type { AdminKey } from "../../feature-flags/core/storage.ts";
import { contractCase, topic } from "./contract-case.ts";
import { WRITTEN_AT } from "./writes.ts";

function key(id: string): AdminKey {
  return { id, role: "admin", name: `Key ${id}`, secretHash: "ab".repeat(32), createdAt: WRITTEN_AT };
}

export const adminKeys = topic("admin keys", [
  contractCase("the first key is stored as it is, a second one is not", async (storage) => {
    assert.equal(await storage.findAdminKey("one"), undefined);
    assert.equal(await storage.addFirstAdminKey(key("one")), true);
    assert.equal(await storage.addFirstAdminKey(key("two")), false);
    assert.equal(await storage.addFirstAdminKey({ ...key("one"), role: "owner" }), false);
    assert.deepEqual({ ...(await storage.findAdminKey("one")) }, key("one"));
    assert.equal(await storage.findAdminKey("two"), undefined);
    assert.equal(await storage.findAdminKey("ONE"), undefined);
  }),

  contractCase("of twenty first keys added at once, exactly one is", async (storage) => {
    const ids = Array.from({ length: 20 }, (_, n) => `key_${n}`);
    const added = await Promise.all(ids.map((id) => storage.addFirstAdminKey(key(id))));
    assert.equal(added.filter(Boolean).length, 1);
    const stored = await Promise.all(ids.map((id) => storage.findAdminKey(id)));
    assert.deepEqual(
      stored.map((one) => one !== undefined),
      added,
    );
  }),
]);
