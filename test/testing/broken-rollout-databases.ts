import { memoryStorage } from "../../lib/storages/memory/index.ts";
import type { BrokenDatabase } from "./broken-databases.ts";
import { answeringTheSizeOfTheBatch } from "./broken-rollout-events.ts";
import { decidingOnWhatWasRead } from "./broken-rollouts.ts";

export const brokenRolloutDatabases: readonly BrokenDatabase[] = [
  {
    fault: "acknowledges a rollout whose audit row was refused",
    caught: "a rollout whose audit row is refused does not change, whatever is asked of the audit",
    breaks: (storage) => ({
      ...storage,
      writeRollout: (write) => storage.writeRollout(write).catch(() => ({ version: 0, revision: undefined })),
    }),
  },
  {
    fault: "lets a rollout's audit rows be changed",
    caught: "the database refuses to change or delete a rollout's audit rows, too",
    harness: (harness) => ({ ...harness, rewriteAudit: async () => undefined }),
  },
  {
    fault: "forgets rollouts when it is closed",
    caught: "rollouts, their counts and leases outlast a restart",
    harness: (harness) => ({ ...harness, reopen: harness.open }),
  },
  {
    fault: "asks for the revision of the rollouts by itself",
    caught: "all rollouts are read with one query",
    breaks: (storage) => ({
      ...storage,
      async listRollouts() {
        await storage.readState();
        return storage.listRollouts();
      },
    }),
  },
  {
    fault: "asks for each end of a window by itself",
    caught: "a window is counted with one query, whatever its ends",
    breaks: (storage) => ({
      ...storage,
      async countRolloutEvents({ featureName, since, until }) {
        const middle = since + Math.floor((until - since) / 2);
        return [
          ...(await storage.countRolloutEvents({ featureName, since, until: middle })),
          ...(await storage.countRolloutEvents({ featureName, since: middle, until })),
        ];
      },
    }),
  },
  {
    fault: "records event by event",
    caught: "five thousand events are recorded with as many queries as one",
    breaks: (storage) => ({
      ...storage,
      async recordRolloutEvents(events) {
        const few = events.slice(0, 10);
        for (const event of few) await storage.recordRolloutEvents([event]);
        return few.length + (await storage.recordRolloutEvents(events.slice(10)));
      },
    }),
  },
  {
    fault: "decides about rollouts on what another may have changed meanwhile",
    caught: "writers of rollouts through both write one after the other",
    breaks: decidingOnWhatWasRead,
  },
  {
    fault: "takes for new what another has recorded",
    caught: "batches recorded through both at once count each event once",
    breaks: answeringTheSizeOfTheBatch,
  },
  {
    fault: "gives leases to its own process only",
    caught: "of those that ask for a lease through both at once, one gets it",
    breaks(storage) {
      const { takeLease, releaseLease } = memoryStorage();
      return { ...storage, takeLease, releaseLease };
    },
  },
  {
    fault: "writes a rollout in two transactions",
    caught: "a rollout's write that fails at any query leaves everything as it was, and the next one works",
    breaks: (storage) => ({
      ...storage,
      async writeRollout(write) {
        await storage.registerCustomers([{ id: "first" }]);
        return storage.writeRollout(write);
      },
    }),
  },
  {
    fault: "records a batch in two transactions",
    caught: "a batch of events whose recording fails at any query is not recorded at all",
    breaks: (storage) => ({
      ...storage,
      recordRolloutEvents: async (events) =>
        (await storage.recordRolloutEvents(events.slice(0, 3_000))) +
        (await storage.recordRolloutEvents(events.slice(3_000))),
    }),
  },
  {
    fault: "acknowledges a forgetting that failed",
    caught: "forgetting that fails at any query lets no event count twice, and the next time it is done",
    breaks: (storage) => ({
      ...storage,
      expireRolloutEvents: (limits) => storage.expireRolloutEvents(limits).catch(() => false),
    }),
  },
  {
    fault: "acknowledges a lease that could not be taken",
    caught: "a lease whose taking fails at any query is not taken",
    breaks: (storage) => ({ ...storage, takeLease: (lease) => storage.takeLease(lease).catch(() => true) }),
  },
];
