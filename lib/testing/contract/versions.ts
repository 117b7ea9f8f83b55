import assert from "node:assert/strict";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { OverrideWrite } from "../../feature-flags/core/storage.ts";
import { refused } from "./checks.ts";
import { contractCase, topic } from "./contract-case.ts";
import { wholeState } from "./whole-state.ts";
import { customer, organization, put, setting, write } from "./writes.ts";

export const versions = topic("versions", [
  contractCase("each tenant's versions count up from 1 on their own", async (storage) => {
    for (const tenant of [customer("a"), customer("b"), organization("a")]) {
      for (const expected of [1, 2, 3]) {
        assert.equal((await put(storage, tenant, { step: expected })).version, expected);
      }
    }
    const record = await storage.readTenant({ customerId: "a", organizationId: "a" });
    assert.deepEqual([record.customer?.version, record.organization?.version], [3, 3]);
  }),

  contractCase("each change moves the one revision up by one, whosever it is", async (storage) => {
    const { revision } = await storage.readState();
    const tenants = [customer("a"), organization("a"), customer("a"), customer("b"), organization("b")];
    for (const [place, tenant] of tenants.entries()) {
      const written = await put(storage, tenant, { place });
      assert.equal(written.revision, revision + place + 1);
      assert.equal((await storage.readState()).revision, written.revision);
    }
    const [a, b] = [await storage.getCustomerOverride("a"), await storage.getOrganizationOverride("b")];
    assert.deepEqual([a?.revision, b?.revision], [revision + 3, revision + 5]);
    assert.equal((await storage.readTenant({ customerId: "a" })).revision, revision + 5);
  }),

  contractCase(
    "a version conflict writes no row, no revision, no audit row and no event",
    async (storage) => {
      await put(storage, customer("cust_1"), { beta: true });
      await put(storage, customer("cust_1"), { beta: false });
      const before = await wholeState(storage);
      const conflict = new FlagError("VERSION_CONFLICT", "It was changed meanwhile: read it again.");
      const ifVersion1: OverrideWrite["decide"] = (current) => {
        if (current.own?.version !== 1) throw conflict;
        return setting(current, { beta: "lost" });
      };
      const answer = write(storage, customer("cust_1"), ifVersion1, { audit: "required" });
      assert.equal(await refused(answer, "VERSION_CONFLICT"), conflict);
      await refused(write(storage, organization("org_1"), ifVersion1), "VERSION_CONFLICT");
      assert.deepEqual(await wholeState(storage), before);
    },
  ),

  contractCase("of many writers that expect one version, exactly one writes", async (storage) => {
    await put(storage, customer("cust_1"), { owner: "nobody" });
    const writers = Array.from({ length: 20 }, (_, n) =>
      write(storage, customer("cust_1"), (current) => {
        if (current.own?.version !== 1) throw new FlagError("VERSION_CONFLICT", "Read it again.");
        return setting(current, { owner: n });
      }),
    );
    const outcomes = await Promise.allSettled(writers);
    const won = outcomes.flatMap((outcome, n) => (outcome.status === "fulfilled" ? [n] : []));
    assert.equal(won.length, 1, "exactly one writer must win");
    assert.deepEqual((await storage.getCustomerOverride("cust_1"))?.flags, { owner: won[0] });
    assert.equal((await storage.listChanges({ customerId: "cust_1", limit: 100 })).length, 2);
  }),
]);
