import assert from "node:assert/strict";
import { FlagError } from "../../feature-flags/core/errors.ts";
import { MAX_OVERRIDE_BYTES, type StoredRollout } from "../../feature-flags/core/storage.ts";
import { known, refused, spoil } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { tellings } from "./feed.ts";
import { byCodePoint, HOSTILE_IDS } from "./hostile-ids.ts";
import { putRollout, rolloutDecision, rolloutIn, writeRollout } from "./rollout-writes.ts";
import { DIFFICULT_VALUES } from "./values.ts";
import { wholeState } from "./whole-state.ts";
import { customer, organization, put, WRITTEN_AT, write } from "./writes.ts";

export const rollouts = topic("rollouts", [
  contractCase(
    "a rollout is listed as it was written, whatever characters its name holds",
    async (storage) => {
      const { epoch, revision } = await storage.readState();
      for (const [n, name] of HOSTILE_IDS.entries()) {
        const details = { changedBy: n === 0 ? undefined : name, changedAt: WRITTEN_AT + n };
        await putRollout(storage, name, { ...DIFFICULT_VALUES, n }, details);
      }
      const list = await storage.listRollouts();
      assert.deepEqual([list.epoch, list.revision], [epoch, revision + HOSTILE_IDS.length]);
      const expected = HOSTILE_IDS.map((featureName, n) => ({
        featureName,
        rollout: { ...DIFFICULT_VALUES, n },
        version: 1,
        revision: revision + n + 1,
        updatedAt: WRITTEN_AT + n,
        ...(n === 0 ? {} : { updatedBy: featureName }),
      }));
      assert.deepEqual(
        list.rollouts.map(known),
        expected.toSorted((one, other) => byCodePoint(one.featureName, other.featureName)),
      );
    },
  ),

  contractCase("before the first rollout the list is empty and of revision 0", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const { epoch } = await storage.readState();
    assert.deepEqual({ ...(await storage.listRollouts()) }, { epoch, revision: 0, rollouts: [] });
    assert.equal((await storage.readTenant({ customerId: "cust_1" })).rollouts, 0);
    assert.equal((await storage.readTenant({})).rollouts, 0);
  }),

  contractCase("each rollout's versions count up from 1 on their own", async (storage) => {
    const { revision } = await storage.readState();
    for (const [n, name] of ["a", "b", "a", "a", "b"].entries()) {
      const written = await putRollout(storage, name, { n });
      const expected = [1, 1, 2, 3, 2][n];
      assert.deepEqual({ ...written }, { version: expected, revision: revision + n + 1 });
      assert.equal((await storage.readState()).revision, written.revision);
    }
    const { rollouts: all } = await storage.listRollouts();
    assert.deepEqual(
      all.map((one) => [one.featureName, one.version, one.revision, rolloutIn(one)]),
      [
        ["a", 3, revision + 4, { n: 3 }],
        ["b", 2, revision + 5, { n: 4 }],
      ],
    );
  }),

  contractCase(
    "records, writers and the list tell the revision that last changed any rollout",
    async (storage) => {
      const first = await putRollout(storage, "a", {});
      const second = await putRollout(storage, "b", {});
      await put(storage, customer("cust_1"), { beta: true });
      await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
      const told = async () => {
        const records = [{ customerId: "cust_1" }, { organizationId: "org_1" }, { customerId: "new" }, {}];
        const read = await Promise.all(records.map((context) => storage.readTenant(context)));
        const seen = [...read.map((record) => record.rollouts), (await storage.listRollouts()).revision];
        for (const tenant of [customer("cust_1"), organization("org_1"), customer("new")]) {
          await write(storage, tenant, (current) => {
            seen.push(current.rollouts);
            return undefined;
          });
        }
        return [...new Set(seen)];
      };
      assert.deepEqual(await told(), [second.revision]);
      const third = await putRollout(storage, "a", {});
      assert.ok((third.revision ?? 0) > (second.revision ?? 0) && first.revision !== undefined);
      assert.deepEqual(await told(), [third.revision]);
    },
  ),

  contractCase("decide is called once, with the rollout and all the others", async (storage) => {
    await putRollout(storage, "b", { is: "b" });
    await putRollout(storage, "a", { is: "a" });
    await putRollout(storage, "c", { is: "c" });
    const seen: [StoredRollout | undefined, readonly StoredRollout[]][] = [];
    for (const name of ["b", "new"]) {
      await writeRollout(storage, name, (current, others) => {
        seen.push([current, others]);
        return undefined;
      });
    }
    const { rollouts: all } = await storage.listRollouts();
    const plain = (rollout: StoredRollout | undefined) => (rollout === undefined ? rollout : known(rollout));
    assert.deepEqual(
      seen.map(([current, others]) => [plain(current), others.map(known)]),
      [
        [plain(all[1]), [all[0], all[2]].map(known)],
        [undefined, all.map(known)],
      ],
    );
  }),

  contractCase("a decision to change no rollout writes nothing", async (storage) => {
    await putRollout(storage, "a", {});
    await putRollout(storage, "a", {});
    const before = await wholeState(storage);
    assert.deepEqual(known(await writeRollout(storage, "a", () => undefined)), { version: 2 });
    assert.deepEqual(known(await writeRollout(storage, "new", () => undefined)), { version: 0 });
    assert.deepEqual(await wholeState(storage), before);
  }),

  contractCase(
    "what a rollout's decide throws reaches the caller as the same object, and nothing is written",
    async (storage) => {
      await putRollout(storage, "a", { n: 1 });
      const before = await wholeState(storage);
      for (const thrown of [new FlagError("VERSION_CONFLICT", "no"), new TypeError("a bug"), "a string"]) {
        const [outcome] = await Promise.allSettled([
          writeRollout(storage, "a", () => {
            throw thrown;
          }),
        ]);
        assert.ok(outcome.status === "rejected" && outcome.reason === thrown, `${thrown} was replaced`);
      }
      assert.deepEqual(await wholeState(storage), before);
      assert.equal((await putRollout(storage, "a", { n: 2 })).version, 2);
    },
  ),

  contractCase("where the audit is required, a rollout needs an actor and a reason", async (storage) => {
    await putRollout(storage, "a", {});
    const before = await wholeState(storage);
    for (const blank of [undefined, "", "  "]) {
      const nobody = { audit: "required", changedBy: blank } as const;
      const noReason = { audit: "required", reason: blank } as const;
      await refused(putRollout(storage, "a", { n: 1 }, nobody), "ACTOR_REQUIRED");
      await refused(putRollout(storage, "a", { n: 1 }, noReason), "REASON_REQUIRED");
    }
    assert.deepEqual(await wholeState(storage), before);
    assert.equal((await putRollout(storage, "a", { n: 1 }, { audit: "required" })).version, 2);
  }),

  contractCase(
    "a rollout of 1 MiB is stored, a larger one is refused and writes nothing",
    async (storage) => {
      const room = MAX_OVERRIDE_BYTES - JSON.stringify({ text: "" }).length;
      await putRollout(storage, "a", { text: "x".repeat(room) });
      const before = await wholeState(storage);
      for (const text of ["x".repeat(room + 1), "\u00e9".repeat(room / 2 + 1)]) {
        await refused(putRollout(storage, "a", { text }), "PATCH_TOO_LARGE");
      }
      assert.deepEqual(await wholeState(storage), before);
    },
  ),

  contractCase("what is read and written of a rollout cannot be used to change it", async (storage) => {
    const rollout = { tiers: [{ deep: 1 }] };
    const evidence = { counts: [1, 2] };
    const newValue = { tier: 1 };
    await writeRollout(storage, "a", () => rolloutDecision(rollout, { evidence, newValue }));
    const shown: unknown[] = [];
    await writeRollout(storage, "a", (current, others) => {
      shown.push(current, others);
      return undefined;
    });
    const before = JSON.stringify(await wholeState(storage));
    const rows = await storage.listChanges({ limit: 10 });
    for (const held of [rollout, evidence, newValue, rows, shown, await storage.listRollouts()]) spoil(held);
    assert.equal(JSON.stringify(await wholeState(storage)), before);
  }),

  contractCase("the feed names the rollout that changed", async (storage) => {
    const { revision } = await storage.readState();
    for (const name of HOSTILE_IDS) await putRollout(storage, name, {});
    await put(storage, organization("one"), { beta: true });
    const { events } = await storage.changesSince(revision, 1_000);
    assert.deepEqual(events.map(known), [
      ...HOSTILE_IDS.map((id, n) => ({ revision: revision + n + 1, scope: "rollout", id })),
      { revision: revision + HOSTILE_IDS.length + 1, scope: "organization", id: "one" },
    ]);
  }),

  caseNeeding(["subscribes"], "a subscriber is told of a rollout that changed", async (storage) => {
    const told = tellings(storage);
    for (const n of [1, 2]) await told.until((await putRollout(storage, "a", { n })).revision ?? 0);
    told.leave();
  }),

  caseNeeding(["queries"], "all rollouts are read with one query", async (storage, harness) => {
    for (const name of ["a", "b", "c"]) await putRollout(storage, name, {});
    const before = harness.queries();
    assert.equal((await storage.listRollouts()).rollouts.length, 3);
    assert.equal(harness.queries() - before, 1);
  }),

  caseNeeding(["reopen"], "rollouts, their counts and leases outlast a restart", async (storage, harness) => {
    await putRollout(storage, "one", { n: 1 });
    const event = {
      featureName: "one",
      customerId: "c",
      event: "error",
      timestamp: WRITTEN_AT,
      tier: 2,
    } as const;
    await storage.recordRolloutEvents([event]);
    await storage.takeLease({ name: "schedule", holder: "a", now: 0, until: 10 });
    const before = await wholeState(storage);
    const window = { featureName: "one", since: WRITTEN_AT, until: WRITTEN_AT + 1 };
    const counts = await storage.countRolloutEvents(window);
    await storage.close();
    const reopened = await harness.reopen();
    assert.deepEqual(await wholeState(reopened), before);
    assert.equal(counts.length, 1);
    assert.deepEqual(await reopened.countRolloutEvents(window), counts);
    assert.equal(await reopened.recordRolloutEvents([event]), 0);
    assert.equal(await reopened.takeLease({ name: "schedule", holder: "b", now: 9, until: 20 }), false);
    assert.equal((await putRollout(reopened, "one", { n: 2 })).version, 2);
  }),
]);
