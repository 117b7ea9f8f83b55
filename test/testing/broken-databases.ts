import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import type { StorageHarness } from "../../lib/testing/index.ts";

type WholeHarness = Required<Omit<StorageHarness, "without">>;

/** A storage whose fault only shows with a database below it, and the sentence that must find it. */
export interface BrokenDatabase {
  readonly fault: string;
  readonly caught: string;
  breaks?(storage: FlagStorage): FlagStorage;
  harness?(harness: WholeHarness): WholeHarness;
}

export const brokenDatabases: readonly BrokenDatabase[] = [
  {
    fault: "answers a failed read with undefined",
    caught: "a failed read is an error with a code and never an answer",
    breaks: (storage) => ({
      ...storage,
      getCustomerOverride: (id) => storage.getCustomerOverride(id).catch(() => undefined),
    }),
  },
  {
    fault: "answers a failed listing with an empty page",
    caught: "a failed read is an error with a code and never an answer",
    breaks: (storage) => ({
      ...storage,
      listOverrides: (page) => storage.listOverrides(page).catch(() => ({ overrides: [], next: undefined })),
    }),
  },
  {
    fault: "acknowledges a registration that failed",
    caught: "a registration that fails at any query registers nobody",
    breaks: (storage) => ({
      ...storage,
      registerCustomers: (records) => storage.registerCustomers(records).catch(() => undefined),
    }),
  },
  {
    fault: "acknowledges a first key that failed",
    caught: "a first admin key that fails at any query is not stored",
    breaks: (storage) => ({
      ...storage,
      addFirstAdminKey: (key) => storage.addFirstAdminKey(key).catch(() => true),
    }),
  },
  {
    fault: "writes a registration in two transactions",
    caught: "a registration that fails at any query registers nobody",
    breaks: (storage) => ({
      ...storage,
      async registerCustomers(records) {
        await storage.registerCustomers(records.slice(0, 1));
        await storage.registerCustomers(records);
      },
    }),
  },
  {
    fault: "asks twice for one evaluation",
    caught: "an evaluation reads all it needs with one query",
    breaks: (storage) => ({
      ...storage,
      async readTenant(context) {
        await storage.readState();
        return storage.readTenant(context);
      },
    }),
  },
  {
    fault: "asks for each override by itself",
    caught: "many overrides take one query per kind of tenant at most",
    breaks: (storage) => ({
      ...storage,
      readOverrides: async (tenants) =>
        (await Promise.all(tenants.map((tenant) => storage.readOverrides([tenant])))).flat(),
    }),
  },
  {
    fault: "loses the audit rows it had to keep",
    caught: "kept rows are written as they would have been, once the table takes them",
    breaks: (storage) => ({ ...storage, retryAudit: async () => 0 }),
  },
  {
    fault: "commits a change whose required audit was refused",
    caught: "where the audit is required, a refused row undoes the whole change",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) => storage.writeOverride({ ...write, audit: "best-effort" }),
    }),
  },
  {
    fault: "undoes a change whose best-effort audit was refused",
    caught: "a best-effort change commits when its audit rows are refused, and they are kept",
    breaks: (storage) => ({
      ...storage,
      writeOverride: (write) => storage.writeOverride({ ...write, audit: "required" }),
    }),
  },
  {
    fault: "lets audit rows be changed",
    caught: "the database itself refuses to change or delete audit rows",
    harness: (harness) => ({ ...harness, rewriteAudit: async () => undefined }),
  },
  {
    fault: "forgets everything when it is closed",
    caught: "closing and reopening keeps everything",
    harness: (harness) => ({ ...harness, reopen: harness.open }),
  },
  {
    fault: "tells another epoch after a restart",
    caught: "versions and revisions go on where they were, in the same epoch",
    harness: (harness) => ({
      ...harness,
      async reopen() {
        const storage = await harness.reopen();
        return { ...storage, readState: async () => ({ ...(await storage.readState()), epoch: "another" }) };
      },
    }),
  },
  {
    fault: "answers from what it read before",
    caught: "what one writes, the other reads and finds in the feed",
    breaks: (storage) => {
      const kept = new Map<string, ReturnType<FlagStorage["readTenant"]>>();
      return {
        ...storage,
        readTenant(context) {
          const key = JSON.stringify(context);
          const record = kept.get(key) ?? storage.readTenant(context);
          kept.set(key, record);
          return record;
        },
      };
    },
  },
  {
    fault: "locks out only its own writers",
    caught: "writers of both on one row at once lose nothing",
    breaks: (storage) => {
      let turn: Promise<unknown> = Promise.resolve();
      const inTurn: FlagStorage["writeOverride"] = async (write) => {
        const own = await storage.getCustomerOverride(write.tenant.id);
        return storage.writeOverride({ ...write, decide: (current) => write.decide({ ...current, own }) });
      };
      return {
        ...storage,
        writeOverride(write) {
          const written = turn.then(() => inTurn(write));
          turn = Promise.allSettled([written]);
          return written;
        },
      };
    },
  },
];
