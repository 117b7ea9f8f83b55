import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import type {
  FlagStorage,
  RolloutDecision,
  RolloutList,
  RolloutWrite,
} from "../../lib/feature-flags/core/storage.ts";
import type { BrokenStorage } from "./broken-storages.ts";

export const brokenRollouts: readonly BrokenStorage[] = [
  {
    fault: "mixes rollouts whose names differ by case",
    caught: "a rollout is listed as it was written, whatever characters its name holds",
    breaks: (storage) =>
      writing(storage, (write) => ({ ...write, featureName: write.featureName.toLowerCase() })),
  },
  {
    fault: "lists rollouts at the newest revision of all",
    caught: "before the first rollout the list is empty and of revision 0",
    breaks: (storage) => ({
      ...storage,
      async listRollouts() {
        return { ...(await storage.listRollouts()), revision: (await storage.readState()).revision };
      },
    }),
  },
  {
    fault: "counts the versions of all rollouts together",
    caught: "each rollout's versions count up from 1 on their own",
    breaks: (storage) => ({
      ...storage,
      async writeRollout(write) {
        const written = await storage.writeRollout(write);
        return { ...written, version: written.revision ?? 0 };
      },
    }),
  },
  {
    fault: "tells a tenant's record the newest revision for that of the rollouts",
    caught: "records, writers and the list tell the revision that last changed any rollout",
    breaks: (storage) => ({
      ...storage,
      async readTenant(context) {
        const record = await storage.readTenant(context);
        return { ...record, rollouts: record.revision };
      },
    }),
  },
  {
    fault: "tells a writer of an override no revision of rollouts",
    caught: "records, writers and the list tell the revision that last changed any rollout",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) =>
        storage.writeOverride({ ...write, decide: (current) => write.decide({ ...current, rollouts: 0 }) }),
    }),
  },
  {
    fault: "shows the decision about a rollout no others",
    caught: "decide is called once, with the rollout and all the others",
    breaks: (storage) =>
      writing(storage, (write) => ({ ...write, decide: (current) => write.decide(current, []) })),
  },
  {
    fault: "leaves a trace of a rollout that stays as it is",
    caught: "a decision to change no rollout writes nothing",
    breaks: (storage) => ({
      ...storage,
      async writeRollout(write) {
        const written = await storage.writeRollout(write);
        if (written.revision === undefined) await storage.registerCustomers([{ id: "trace" }]);
        return written;
      },
    }),
  },
  {
    fault: "replaces what the decision about a rollout throws",
    caught: "what a rollout's decide throws reaches the caller as the same object, and nothing is written",
    breaks: (storage) => ({
      ...storage,
      writeRollout: (write) =>
        storage.writeRollout(write).catch((cause: unknown) => {
          throw new FlagError("STORAGE_UNAVAILABLE", "The write failed.", { cause });
        }),
    }),
  },
  {
    fault: "takes a rollout from nobody where the audit is required",
    caught: "where the audit is required, a rollout needs an actor and a reason",
    breaks: (storage) => writing(storage, (write) => ({ ...write, audit: "best-effort" })),
  },
  {
    fault: "refuses rollouts of more than 64 KiB",
    caught: "a rollout of 1 MiB is stored, a larger one is refused and writes nothing",
    breaks: (storage) =>
      deciding(storage, (decision) => {
        if (JSON.stringify(decision.rollout).length <= 65_536) return decision;
        throw new FlagError("PATCH_TOO_LARGE", "The rollout is too large.");
      }),
  },
  {
    fault: "hands out the rollouts it keeps",
    caught: "what is read and written of a rollout cannot be used to change it",
    breaks: (storage) => {
      let kept: RolloutList | undefined;
      return {
        ...storage,
        async listRollouts() {
          kept ??= structuredClone(await storage.listRollouts());
          return kept;
        },
      };
    },
  },
  {
    fault: "tells of a rollout as of everything",
    caught: "the feed names the rollout that changed",
    breaks: (storage) => ({
      ...storage,
      async changesSince(revision, limit) {
        const page = await storage.changesSince(revision, limit);
        const events = page.events.map((event) =>
          event.scope === "rollout" ? { ...event, scope: "everything" as const, id: undefined } : event,
        );
        return { ...page, events };
      },
    }),
  },
  {
    fault: "keeps no evidence",
    caught: "a rollout's audit row says what changed, who did it, why and what led to it",
    breaks: (storage) => deciding(storage, (decision) => ({ ...decision, evidence: undefined })),
  },
  {
    fault: "keeps from a rollout's audit row whom it is about",
    caught: "a rollout's change that is about one tenant is found with that tenant",
    breaks: (storage) => deciding(storage, (decision) => ({ ...decision, tenant: undefined })),
  },
  {
    fault: "lists the trail of all rollouts where one is asked for",
    caught: "the trail can be asked for one rollout alone, page by page",
    breaks: (storage) => ({
      ...storage,
      listChanges: ({ featureName: _, ...filter }) => storage.listChanges(filter),
    }),
  },
  {
    fault: "takes a rollout's change for one of the tenant's override",
    caught: "the last change of a tenant's leaf is never a rollout's",
    breaks: (storage) => ({
      ...storage,
      lastChanges: ({ customerId }) => storage.listChanges({ customerId, limit: 2 }),
    }),
  },
  {
    fault: "decides about a rollout on what it read before it took the lock",
    caught: "writers of any rollouts write one after the other",
    breaks: decidingOnWhatWasRead,
  },
  {
    fault: "compares a rollout's version before it took the lock",
    caught: "of many that expect one version of a rollout, exactly one writes",
    breaks: decidingOnWhatWasRead,
  },
];

/** Reads all rollouts first, and has the decision made about those. */
export function decidingOnWhatWasRead(storage: FlagStorage): FlagStorage {
  return {
    ...storage,
    async writeRollout(write) {
      const { rollouts } = await storage.listRollouts();
      const own = rollouts.find(({ featureName }) => featureName === write.featureName);
      const others = rollouts.filter((one) => one !== own);
      return storage.writeRollout({ ...write, decide: () => write.decide(own, others) });
    },
  };
}

/** The storage with every write of a rollout replaced on its way in. */
function writing(storage: FlagStorage, replaced: (write: RolloutWrite) => RolloutWrite): FlagStorage {
  return { ...storage, writeRollout: (write) => storage.writeRollout(replaced(write)) };
}

/** The storage with every decision about a rollout replaced on its way in. */
function deciding(
  storage: FlagStorage,
  replaced: (decision: RolloutDecision) => RolloutDecision,
): FlagStorage {
  return writing(storage, (write) => ({
    ...write,
    decide(current, others) {
      const decision = write.decide(current, others);
      return decision === undefined ? undefined : replaced(decision);
    },
  }));
}
