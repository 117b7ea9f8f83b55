import type { TenantFilter } from "../../lib/feature-flags/core/storage.ts";
import type { BrokenStorage } from "./broken-storages.ts";

export const brokenAtTheEdges: readonly BrokenStorage[] = [
  {
    fault: "makes a row for whoever is asked about",
    caught: "ids never written have no override, and asking creates nothing",
    breaks: (storage) => ({
      ...storage,
      async readTenant(context) {
        if (context.customerId !== undefined) await storage.registerCustomers([{ id: context.customerId }]);
        return storage.readTenant(context);
      },
    }),
  },
  {
    fault: "takes null for nothing when it reads",
    caught: "values come back exactly as JSON holds them",
    breaks: (storage) => ({
      ...storage,
      async getCustomerOverride(id) {
        const stored = await storage.getCustomerOverride(id);
        const text = JSON.stringify(stored?.flags ?? {}, (_, value) => value ?? undefined);
        return stored === undefined ? undefined : { ...stored, flags: JSON.parse(text) };
      },
    }),
  },
  {
    fault: "repeats the last override of a page on the next one",
    caught: "pages of any size show every override once: customers by id, then organizations",
    breaks: (storage) => ({
      ...storage,
      async listOverrides(page) {
        const { overrides, next } = await storage.listOverrides(page);
        return { overrides, next: next === undefined ? next : (overrides.at(-2)?.tenant ?? next) };
      },
    }),
  },
  {
    fault: "announces a page that is not there",
    caught: "the last page says that it is the last",
    breaks: (storage) => ({
      ...storage,
      async listOverrides(page) {
        const { overrides } = await storage.listOverrides(page);
        return { overrides, next: overrides.length < page.limit ? undefined : overrides.at(-1)?.tenant };
      },
    }),
  },
  {
    fault: "takes a text for a pattern",
    caught: "a text is no pattern",
    breaks: (storage) => ({
      ...storage,
      listCustomers: (filter) => storage.listCustomers(withoutPercent(filter)),
    }),
  },
  {
    fault: "goes by the directory where the caller names an organization",
    caught: "a customer's known organization is used where none is named",
    breaks: (storage) => ({
      ...storage,
      async readTenant(context) {
        const known = await storage.readTenant({ customerId: context.customerId });
        return storage.readTenant({
          ...context,
          organizationId: known.organizationId ?? context.organizationId,
        });
      },
    }),
  },
  {
    fault: "leaves a customer in the organization it left",
    caught: "a customer moves from one organization to another, and out of it",
    breaks: (storage) => ({
      ...storage,
      async registerCustomers(records) {
        const before = await storage.listCustomers({ limit: 10_000 });
        const organizationOf = new Map(before.map((record) => [record.id, record.organizationId]));
        const merged = records.map((record) => ({
          organizationId: organizationOf.get(record.id),
          ...known(record),
        }));
        await storage.registerCustomers(merged);
      },
    }),
  },
  {
    fault: "registers a bulk one by one",
    caught: "a registration is one event, for everything where it is about several",
    breaks: (storage) => ({
      ...storage,
      async registerCustomers(records) {
        for (const record of records) await storage.registerCustomers([record]);
      },
    }),
  },
  {
    fault: "looks for a first key before it adds one",
    caught: "of twenty first keys added at once, exactly one is",
    breaks: (storage) => {
      let any = false;
      return {
        ...storage,
        async addFirstAdminKey(key) {
          if (any) return false;
          await storage.addFirstAdminKey(key);
          any = true;
          return true;
        },
      };
    },
  },
  {
    fault: "tells another epoch each time",
    caught: "the epoch stays, and is another one for other data",
    breaks: (storage) => ({
      ...storage,
      readState: async () => ({ ...(await storage.readState()), epoch: crypto.randomUUID() }),
    }),
  },
  {
    fault: "goes on after it was closed",
    caught: "after closing, every operation is refused as closed",
    breaks: (storage) => ({ ...storage, close: async () => undefined }),
  },
  {
    fault: "needs to be called on itself",
    caught: "its operations work taken off the object and spread into another",
    breaks: (storage) => ({
      ...storage,
      getCustomerOverride(id) {
        return this.readTenant({ customerId: id }).then((record) => record.customer);
      },
    }),
  },
  {
    fault: "lists instances that were last seen before",
    caught: "instances are listed by id, those seen at the moment asked for or later",
    breaks: (storage) => ({ ...storage, listInstances: () => storage.listInstances(0) }),
  },
  {
    fault: "lets a late report of an instance take back a newer one",
    caught: "the last report of an instance wins, by when it was seen",
    breaks: (storage) => ({
      ...storage,
      async reportInstance(report) {
        await storage.removeInstances(report.id, 0);
        await storage.reportInstance(report);
      },
    }),
  },
  {
    fault: "counts a report as a change",
    caught: "a report is no change: revision, feed and audit trail stay as they are",
    breaks: (storage) => ({
      ...storage,
      async reportInstance(report) {
        await storage.reportInstance(report);
        await storage.registerCustomers([{ id: report.id }]);
      },
    }),
  },
  {
    fault: "keeps instances that nobody has seen for long",
    caught: "removing takes the named instance away, and those not seen since",
    breaks: (storage) => ({ ...storage, removeInstances: (id) => storage.removeInstances(id, 0) }),
  },
  {
    fault: "goes on telling a subscriber that left",
    caught: "a subscriber that leaves is told no more, the others still are",
    breaks: (storage) => ({
      ...storage,
      subscribe(listener) {
        storage.subscribe?.(listener);
        return () => undefined;
      },
    }),
  },
];

function withoutPercent<Filter extends Omit<TenantFilter, "kind">>(filter: Filter): Filter {
  return filter.text === undefined ? filter : { ...filter, text: filter.text.replaceAll("%", "") };
}

function known<Row extends object>(row: Row): Row {
  const copy = { ...row };
  for (const key of Object.keys(copy))
    if (Reflect.get(copy, key) === undefined) Reflect.deleteProperty(copy, key);
  return copy;
}
