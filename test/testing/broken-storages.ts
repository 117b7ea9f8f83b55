import { FlagError } from "../../lib/feature-flags/core/errors.ts";
import type {
  FlagStorage,
  LockedTenant,
  OverrideDecision,
  OverrideWrite,
  StoredOverride,
} from "../../lib/feature-flags/core/storage.ts";
import type { FlagChange } from "../../lib/feature-flags/core/types.ts";

/** A storage with one fault, and the sentence of the contract that must find it. */
export interface BrokenStorage {
  readonly fault: string;
  readonly caught: string;
  breaks(storage: FlagStorage): FlagStorage;
}

export const brokenStorages: readonly BrokenStorage[] = [
  {
    fault: "forgets the audit",
    caught: "each changed leaf has a row with its place, values, actor, time and reason",
    breaks: (storage) => deciding(storage, (decision) => ({ ...decision, changes: [] })),
  },
  {
    fault: "writes null where a leaf inherits",
    caught: "null as a value and inherited are kept apart",
    breaks: (storage) =>
      deciding(storage, (decision) => ({ ...decision, changes: decision.changes.map(nullForInherited) })),
  },
  {
    fault: "lists the trail oldest first",
    caught: "the trail is listed newest first, and each filter keeps only its own",
    breaks: (storage) => ({
      ...storage,
      listChanges: async (filter) => (await storage.listChanges(filter)).toReversed(),
    }),
  },
  {
    fault: "uses a revision twice",
    caught: "every reader sees every revision once and in order while 64 writers commit",
    breaks: (storage) => ({
      ...storage,
      async changesSince(revision, limit) {
        const page = await storage.changesSince(revision, limit);
        const twice = page.events.map((event) => (event.revision === 9 ? { ...event, revision: 8 } : event));
        return { ...page, events: twice };
      },
    }),
  },
  {
    fault: "leaves a revision out of the feed",
    caught: "pages of any size join without a gap",
    breaks: (storage) => ({
      ...storage,
      async changesSince(revision, limit) {
        const page = await storage.changesSince(revision, limit);
        return { ...page, events: page.events.filter((event) => event.revision !== 5) };
      },
    }),
  },
  {
    fault: "decides on what it read before it took the lock",
    caught: "two hundred writers on one row at once lose nothing",
    breaks: (storage) => ({
      ...storage,
      async writeOverride(write) {
        const own = await storage.getCustomerOverride(write.tenant.id);
        const decide = (current: LockedTenant) => write.decide({ ...current, own });
        return storage.writeOverride({ ...write, decide });
      },
    }),
  },
  {
    fault: "reads the organization before it takes the lock",
    caught: "a rule between an organization and its customers holds against two writes at once",
    breaks: (storage) => ({
      ...storage,
      async writeOverride(write) {
        const { organization } = await storage.readTenant({ customerId: write.tenant.id });
        if (write.tenant.kind === "customer") await storage.readState();
        const decide = (current: LockedTenant) =>
          write.decide(write.tenant.kind === "customer" ? { ...current, organization } : current);
        return storage.writeOverride({ ...write, decide });
      },
    }),
  },
  {
    fault: "mixes ids that differ by case",
    caught: "ids are exact, whatever characters they hold",
    breaks: (storage) => respelling(storage, (id) => id.toLowerCase()),
  },
  {
    fault: "composes ids",
    caught: "ids are exact, whatever characters they hold",
    breaks: (storage) => respelling(storage, (id) => id.normalize("NFC")),
  },
  {
    fault: "cuts ids at 254 characters",
    caught: "ids are exact, whatever characters they hold",
    breaks: (storage) => respelling(storage, (id) => id.slice(0, 254)),
  },
  {
    fault: "hands out the object it keeps",
    caught: "what is read cannot be used to change what is stored",
    breaks: (storage) => {
      const kept = new Map<string, StoredOverride>();
      const shared = async (id: string) => {
        const stored = kept.get(id) ?? structuredClone(await storage.getCustomerOverride(id));
        if (stored !== undefined) kept.set(id, stored);
        return stored;
      };
      const listOverrides: FlagStorage["listOverrides"] = async (page) => {
        const { overrides, next } = await storage.listOverrides(page);
        return {
          overrides: overrides.map((one) => ({ ...one, flags: kept.get(one.tenant.id)?.flags })),
          next,
        };
      };
      return { ...storage, getCustomerOverride: shared, listOverrides };
    },
  },
  {
    fault: "keeps the object it was handed",
    caught: "what a writer keeps in hand cannot change what is stored",
    breaks: (storage) => {
      const kept = new Map<string, unknown>();
      const keeping: FlagStorage["writeOverride"] = (write) =>
        storage.writeOverride({ ...write, decide: (current) => keep(write, write.decide(current)) });
      const keep = (write: OverrideWrite, decision: OverrideDecision | undefined) => {
        if (decision !== undefined) kept.set(write.tenant.id, decision.flags);
        return decision;
      };
      const listOverrides: FlagStorage["listOverrides"] = async (page) => {
        const { overrides, next } = await storage.listOverrides(page);
        return { overrides: overrides.map((one) => ({ ...one, flags: kept.get(one.tenant.id) })), next };
      };
      return { ...storage, writeOverride: keeping, listOverrides };
    },
  },
  {
    fault: "erases a tenant's other flags",
    caught: "setting one flag keeps the others",
    breaks: (storage) => ({
      ...storage,
      async saveCustomerFlags(id, flags, changedBy) {
        await storage.saveCustomerFlags(id, { chat: false }, changedBy);
        return storage.saveCustomerFlags(id, flags, changedBy);
      },
    }),
  },
  {
    fault: "asks decide twice",
    caught: "decide is called once for each write",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) =>
        storage.writeOverride({ ...write, decide: (now) => write.decide(now) && write.decide(now) }),
    }),
  },
  {
    fault: "replaces what decide throws",
    caught: "what decide throws reaches the caller as the same object, and nothing is written",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) =>
        storage.writeOverride(write).catch((cause: unknown) => {
          throw new FlagError("STORAGE_UNAVAILABLE", "The write failed.", { cause });
        }),
    }),
  },
  {
    fault: "moves the revision though a conflict was found",
    caught: "a version conflict writes no row, no revision, no audit row and no event",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) =>
        storage.writeOverride(write).catch(async (error: unknown) => {
          await storage.registerCustomers([{ id: "trace" }]);
          throw error;
        }),
    }),
  },
  {
    fault: "takes a change from nobody where the audit is required",
    caught: "where the audit is required, so are an actor and a reason",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) => storage.writeOverride({ ...write, audit: "best-effort" }),
    }),
  },
];

/** The storage with every decision replaced on its way in. */
function deciding(
  storage: FlagStorage,
  replaced: (decision: OverrideDecision) => OverrideDecision,
): FlagStorage {
  return {
    ...storage,
    writeOverride: (write) =>
      storage.writeOverride({
        ...write,
        decide(current) {
          const decision = write.decide(current);
          return decision === undefined ? undefined : replaced(decision);
        },
      }),
  };
}

/** The storage with every tenant's id spelled otherwise on its way in. */
function respelling(storage: FlagStorage, spell: (id: string) => string): FlagStorage {
  return {
    ...storage,
    readTenant: async (context) => ({
      ...(await storage.readTenant({
        customerId: context.customerId === undefined ? undefined : spell(context.customerId),
        organizationId: context.organizationId === undefined ? undefined : spell(context.organizationId),
      })),
      organizationId: context.organizationId,
    }),
    writeOverride: (write) =>
      storage.writeOverride({ ...write, tenant: { ...write.tenant, id: spell(write.tenant.id) } }),
  };
}

function nullForInherited(change: FlagChange): FlagChange {
  return { ...change, oldOverride: change.oldOverride ?? null, newOverride: change.newOverride ?? null };
}
