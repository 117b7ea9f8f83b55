import assert from "node:assert/strict";
import { FlagError, isFlagError } from "../../feature-flags/core/errors.ts";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { contractCase, topic } from "./contract-case.ts";
import { allChanges, wholeFeed } from "./whole-state.ts";
import { customer, flagsOf, organization, put, setting, write } from "./writes.ts";

export const concurrency = topic("concurrency", [
  contractCase("two hundred writers on one row at once lose nothing", async (storage) => {
    const writers = Array.from({ length: 200 }, (_, n) =>
      write(storage, customer("cust_1"), (current) => {
        const count = Number(flagsOf(current.own)["count"] ?? 0);
        return setting(current, { [`leaf_${n}`]: n, count: count + 1 });
      }),
    );
    const written = await Promise.all(writers);
    const expected = Array.from({ length: 200 }, (_, n) => n + 1);
    assert.deepEqual(written.map((one) => one.version).sort(ascending), expected);
    const stored = await storage.getCustomerOverride("cust_1");
    const leaves = Object.fromEntries(writers.map((_, n) => [`leaf_${n}`, n]));
    assert.deepEqual(stored?.flags, { ...leaves, count: 200 });
    assert.equal(stored?.version, 200);
    const counted = (await allChanges(storage)).filter((row) => row.path === "count").reverse();
    assert.deepEqual(
      counted.map((row) => [row.oldOverride ?? 0, row.newOverride]),
      expected.map((n) => [n - 1, n]),
    );
  }),

  contractCase(
    "every reader sees every revision once and in order while 64 writers commit",
    async (storage) => {
      const start = (await storage.readState()).revision;
      let committing = true;
      const writers = Promise.all(Array.from({ length: 64 }, (_, n) => writeFive(storage, n))).finally(() => {
        committing = false;
      });
      const readers = [1, 3, 10, 1_000].map((limit) => follow(storage, start, limit, () => committing));
      const [written, ...histories] = await Promise.all([writers, ...readers]);
      const expected = Array.from({ length: 64 * 5 + 4 }, (_, n) => start + n + 1);
      for (const history of histories) assert.deepEqual(history, expected);
      const told = await wholeFeed(storage);
      const registrations = told
        .filter((event) => event.scope === "everything")
        .map((event) => event.revision);
      assert.equal(registrations.length, 4);
      assert.deepEqual([...written.flat(), ...registrations].sort(ascending), expected);
      const audited = (await allChanges(storage)).map((row) => row.revision);
      assert.deepEqual(audited.toReversed(), written.flat().sort(ascending), "one audit row for each change");
    },
  ),

  contractCase(
    "a rule between an organization and its customers holds against two writes at once",
    async (storage) => {
      const pairs = Array.from({ length: 20 }, (_, n) => [`cust_${n}`, `org_${n}`] as const);
      await storage.registerCustomers(pairs.map(([id, organizationId]) => ({ id, organizationId })));
      const outcomes = await Promise.allSettled(
        pairs.flatMap(([customerId, organizationId]) => [
          write(storage, customer(customerId), (current) => {
            if (flagsOf(current.organization)["base"] === false) throw broken();
            return setting(current, { needsBase: true });
          }),
          write(
            storage,
            organization(organizationId),
            (current) => {
              const needed = [...current.customers.values()].some(
                (own) => flagsOf(own)["needsBase"] === true,
              );
              if (needed) throw broken();
              return setting(current, { base: false });
            },
            { withCustomers: true },
          ),
        ]),
      );
      for (const [customerId] of pairs) {
        const record = await storage.readTenant({ customerId });
        const set = [flagsOf(record.customer)["needsBase"], flagsOf(record.organization)["base"]];
        assert.ok(set.includes(undefined), `${customerId} needs what its organization switched off`);
        assert.notDeepEqual(
          set,
          [undefined, undefined],
          `one of the two writes about ${customerId} must get through`,
        );
      }
      for (const outcome of outcomes) {
        assert.ok(outcome.status === "fulfilled" || isFlagError(outcome.reason, "RULE_VIOLATED"));
      }
    },
  ),
]);

function broken(): FlagError {
  return new FlagError("RULE_VIOLATED", "Switch the base on first.");
}

/** Five changes one after the other; every sixteenth writer also registers somebody. Resolves with their revisions. */
async function writeFive(storage: FlagStorage, writer: number): Promise<(number | undefined)[]> {
  const tenant = writer % 2 === 0 ? customer(`t_${writer % 10}`) : organization(`t_${writer % 6}`);
  const revisions: (number | undefined)[] = [];
  for (let step = 0; step < 5; step += 1) {
    revisions.push((await put(storage, tenant, { [`writer_${writer}`]: step })).revision);
  }
  if (writer % 16 === 0) await storage.registerCustomers([{ id: `t_${writer}` }, { id: `u_${writer}` }]);
  return revisions;
}

/** Reads the feed until nobody writes any more and nothing is left; resolves with the revisions in the order seen. */
async function follow(
  storage: FlagStorage,
  start: number,
  limit: number,
  committing: () => boolean,
): Promise<number[]> {
  const history: number[] = [];
  let last = start;
  for (;;) {
    // Asked before reading: what was committed by then is in this page.
    const goesOn = committing();
    const page = await storage.changesSince(last, limit);
    for (const event of page.events) {
      assert.equal(event.revision, last + 1, "each revision follows the one before it");
      last = event.revision;
      history.push(last);
      if (event.scope === "everything" || event.id === undefined) continue;
      const get = event.scope === "customer" ? storage.getCustomerOverride : storage.getOrganizationOverride;
      assert.ok(((await get(event.id))?.revision ?? 0) >= last, "what the feed tells of can be read");
    }
    assert.ok(page.revision >= last, "the newest revision is never behind the events");
    if (page.events.length > 0) continue;
    assert.equal(page.revision, last, "no event may be missing up to the newest revision");
    if (!goesOn) return history;
    await turn();
  }
}

/** Lets others go on: a storage that answers without waiting would leave the writers no turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function ascending(left: number | undefined, right: number | undefined): number {
  return (left ?? 0) - (right ?? 0);
}
