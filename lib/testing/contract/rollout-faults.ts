import assert from "node:assert/strict";
import { caseNeeding, topic } from "./contract-case.ts";
import { FAULTY, failAtEveryQuery } from "./failing-queries.ts";
import {
  countedIn,
  putRollout,
  rolloutDecision,
  rolloutEvent,
  rolloutIn,
  writeRollout,
} from "./rollout-writes.ts";
import { customer, put, WRITTEN_AT } from "./writes.ts";

const MINUTE = 60_000;

export const rolloutFaults = topic("faults of rollouts", [
  caseNeeding(
    FAULTY,
    "a rollout's write that fails at any query leaves everything as it was, and the next one works",
    async (storage, harness) => {
      await put(storage, customer("cust_1"), { beta: true });
      await putRollout(storage, "one", { step: 0 });
      await putRollout(storage, "other", { step: 0 });
      for (const name of ["one", "new"]) {
        await failAtEveryQuery(storage, harness, {
          make: (n) =>
            writeRollout(storage, name, () => rolloutDecision({ step: n }, { evidence: { step: n } })),
          made: async (n) => {
            const { rollouts, revision } = await storage.listRollouts();
            const stored = rollouts.find(({ featureName }) => featureName === name);
            assert.deepEqual([rolloutIn(stored), stored?.revision], [{ step: n }, revision]);
            assert.equal((await storage.readTenant({})).rollouts, revision);
            const [newest] = await storage.listChanges({ featureName: name, limit: 1 });
            assert.deepEqual([newest?.revision, newest?.evidence], [revision, { step: n }]);
            const [event] = (await storage.changesSince(revision - 1, 10)).events;
            assert.deepEqual([event?.scope, event?.id], ["rollout", name]);
          },
        });
      }
    },
  ),

  caseNeeding(
    FAULTY,
    "a batch of events whose recording fails at any query is not recorded at all",
    async (storage, harness) => {
      const batch = Array.from({ length: 6_000 }, (_, n) =>
        rolloutEvent({ customerId: `cust_${n}`, timestamp: WRITTEN_AT + n * 20 }),
      );
      // Raw events as well as counts: the last minutes are not whole ones.
      const window = { featureName: "one", since: WRITTEN_AT, until: WRITTEN_AT + batch.length * 20 };
      await failAtEveryQuery(storage, harness, {
        make: () => storage.recordRolloutEvents(batch),
        made: async () => {
          const counts = await storage.countRolloutEvents(window);
          assert.equal(
            counts.reduce((sum, { count }) => sum + count, 0),
            batch.length,
          );
          assert.equal(await countedIn(storage, "one"), batch.length);
        },
        notMade: async () => {
          assert.deepEqual(await storage.countRolloutEvents(window), []);
          assert.equal(await countedIn(storage, "one"), 0);
        },
      });
    },
  ),

  caseNeeding(
    FAULTY,
    "forgetting that fails at any query lets no event count twice, and the next time it is done",
    async (storage, harness) => {
      const minute = WRITTEN_AT - (WRITTEN_AT % MINUTE);
      const events = ["one", "two"].flatMap((featureName) =>
        [0, 1, 2].map((n) => rolloutEvent({ featureName, timestamp: minute + n * MINUTE })),
      );
      assert.equal(await storage.recordRolloutEvents(events), events.length);
      const counts = async () => [await countedIn(storage, "one"), await countedIn(storage, "two")];
      const limits = { eventsBefore: minute + 2 * MINUTE, countsBefore: minute };
      const once = async () => {
        assert.equal(await storage.recordRolloutEvents(events), 0);
        assert.deepEqual(await counts(), [3, 3]);
      };
      await failAtEveryQuery(storage, harness, {
        make: () => storage.expireRolloutEvents(limits),
        made: async () => {
          await once();
          for (const featureName of ["one", "two"]) {
            const window = { featureName, since: minute, until: minute + 1 };
            assert.deepEqual(await storage.countRolloutEvents(window), []);
          }
        },
        notMade: once,
      });
    },
  ),

  caseNeeding(FAULTY, "a lease whose taking fails at any query is not taken", async (storage, harness) => {
    const lease = { name: "one", now: 0, until: 10 };
    let probes = 0;
    await failAtEveryQuery(storage, harness, {
      make: () => storage.takeLease({ ...lease, holder: "a" }),
      made: async () => assert.equal(await storage.takeLease({ ...lease, holder: "b" }), false),
      notMade: async () => {
        probes += 1;
        assert.equal(await storage.takeLease({ ...lease, holder: `probe ${probes}` }), true);
        await storage.releaseLease("one", `probe ${probes}`);
      },
    });
    await failAtEveryQuery(storage, harness, {
      make: () => storage.releaseLease("one", "a"),
      made: async () => {
        assert.equal(await storage.takeLease({ ...lease, holder: "b" }), true);
        await storage.releaseLease("one", "b");
        assert.equal(await storage.takeLease({ ...lease, holder: "a" }), true);
      },
      notMade: async () => assert.equal(await storage.takeLease({ ...lease, holder: "b" }), false),
    });
  }),
]);
