import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import type { FlagStorage, RolloutEvent, RolloutExpiry } from "../../lib/feature-flags/core/storage.ts";
import type { BrokenStorage } from "./broken-storages.ts";

const MINUTE = 60_000;

export const brokenRolloutEvents: readonly BrokenStorage[] = [
  {
    fault: "takes every event of a batch for a new one",
    caught: "an event counts once: in its batch, in the next one, and in any later one",
    breaks: answeringTheSizeOfTheBatch,
  },
  {
    fault: "takes every event for a new one while others record",
    caught: "batches recorded at once, in any order, count each event once",
    breaks: answeringTheSizeOfTheBatch,
  },
  {
    fault: "keeps times to ten milliseconds",
    caught: "feature, customer, kind and millisecond tell events apart",
    breaks: (storage) =>
      recording(storage, (event) => ({ ...event, timestamp: event.timestamp - (event.timestamp % 10) })),
  },
  {
    fault: "mixes features that differ by case",
    caught: "features and customers are exact, whatever characters their names hold",
    breaks: (storage) =>
      recording(storage, (event) => ({ ...event, featureName: event.featureName.toLowerCase() })),
  },
  {
    fault: "refuses a batch for a character in its metadata",
    caught: "no metadata makes a batch be refused",
    breaks: (storage) =>
      recording(storage, (event) => {
        if (!JSON.stringify(event.metadata ?? {}).includes("\\u0000")) return event;
        throw new FlagError("INVALID_PATCH", "The database cannot hold this.");
      }),
  },
  {
    fault: "counts the latest minute first",
    caught: "counts are listed by minute, then tier, then kind, and only those that are any",
    breaks: (storage) => ({
      ...storage,
      countRolloutEvents: async (window) => (await storage.countRolloutEvents(window)).toReversed(),
    }),
  },
  {
    fault: "counts whole minutes only",
    caught: "a window counts to the millisecond at both of its ends",
    breaks: (storage) => ({
      ...storage,
      countRolloutEvents: ({ featureName, since, until }) =>
        storage.countRolloutEvents({
          featureName,
          since: since - (since % MINUTE),
          until: until - (until % MINUTE),
        }),
    }),
  },
  {
    fault: "counts the end of a window in",
    caught: "a window counts to the millisecond at both of its ends",
    breaks: (storage) => ({
      ...storage,
      countRolloutEvents: (window) => storage.countRolloutEvents({ ...window, until: window.until + 1 }),
    }),
  },
  {
    fault: "takes no late event",
    caught: "events of any time are taken: late, long past and to come",
    breaks: (storage) => {
      let newest = 0;
      return {
        ...storage,
        recordRolloutEvents(events) {
          const inTime = events.filter(({ timestamp }) => timestamp >= newest);
          newest = Math.max(newest, ...inTime.map(({ timestamp }) => timestamp));
          return storage.recordRolloutEvents(inTime);
        },
      };
    },
  },
  {
    fault: "records the first ten thousand of a batch",
    caught: "a batch of twelve thousand is recorded whole, an empty one as nothing",
    breaks: (storage) => ({
      ...storage,
      recordRolloutEvents: (events) => storage.recordRolloutEvents(events.slice(0, 10_000)),
    }),
  },
  {
    fault: "advances the revision with every batch",
    caught: "recording is no change: revision, feed and audit trail stay as they are",
    breaks: (storage) => ({
      ...storage,
      async recordRolloutEvents(events) {
        await storage.registerCustomers([{ id: "trace" }]);
        return storage.recordRolloutEvents(events);
      },
    }),
  },
  {
    fault: "forgets the counts with the events",
    caught: "counts stay when their events are forgotten",
    breaks: (storage) =>
      forgetting(storage, ({ eventsBefore }) => ({ eventsBefore, countsBefore: eventsBefore })),
  },
  {
    fault: "forgets a minute that is not over",
    caught: "only what belongs to minutes that were over is forgotten",
    breaks: (storage) =>
      forgetting(storage, ({ eventsBefore, countsBefore }) => ({
        eventsBefore: eventsBefore + MINUTE,
        countsBefore,
      })),
  },
  {
    fault: "forgets nothing",
    caught: "what is forgotten goes for every feature, and what is not stays for every one",
    breaks: (storage) => ({ ...storage, expireRolloutEvents: async () => false }),
  },
  {
    fault: "takes for new what it has forgotten",
    caught: "a forgotten event never counts again, nor does one as old",
    breaks: answeringTheSizeOfTheBatch,
  },
  {
    fault: "takes nothing from before the time up to which it was to forget",
    caught: "forgetting ahead of time keeps no later event out",
    breaks: (storage) => {
      let limit = 0;
      return {
        ...storage,
        recordRolloutEvents: (events) =>
          storage.recordRolloutEvents(events.filter(({ timestamp }) => timestamp >= limit)),
        async expireRolloutEvents(limits) {
          const isMore = await storage.expireRolloutEvents(limits);
          limit = Math.max(limit, limits.eventsBefore);
          return isMore;
        },
      };
    },
  },
  {
    fault: "gives up forgetting where there is much to forget",
    caught: "thirty thousand events are forgotten at once",
    breaks: (storage) => {
      let recorded = 0;
      return {
        ...storage,
        async recordRolloutEvents(events) {
          recorded += events.length;
          return storage.recordRolloutEvents(events);
        },
        async expireRolloutEvents(limits) {
          return recorded < 20_000 && (await storage.expireRolloutEvents(limits));
        },
      };
    },
  },
];

export function answeringTheSizeOfTheBatch(storage: FlagStorage): FlagStorage {
  return {
    ...storage,
    async recordRolloutEvents(events) {
      await storage.recordRolloutEvents(events);
      return events.length;
    },
  };
}

/** The storage with every event replaced on its way in. */
function recording(storage: FlagStorage, replaced: (event: RolloutEvent) => RolloutEvent): FlagStorage {
  return {
    ...storage,
    recordRolloutEvents: async (events) => storage.recordRolloutEvents(events.map(replaced)),
  };
}

function forgetting(storage: FlagStorage, replaced: (limits: RolloutExpiry) => RolloutExpiry): FlagStorage {
  return { ...storage, expireRolloutEvents: (limits) => storage.expireRolloutEvents(replaced(limits)) };
}
