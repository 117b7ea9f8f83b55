import type { BrokenStorage } from "./broken-storages.ts";

export const brokenLeases: readonly BrokenStorage[] = [
  {
    fault: "lets a lease run out a millisecond early",
    caught: "a lease that is held is refused to others until it runs out",
    breaks: (storage) => ({
      ...storage,
      takeLease: (lease) => storage.takeLease({ ...lease, now: lease.now + 1 }),
    }),
  },
  {
    fault: "holds a lease a millisecond too long",
    caught: "a lease that is held is refused to others until it runs out",
    breaks: (storage) => ({
      ...storage,
      takeLease: (lease) => storage.takeLease({ ...lease, now: lease.now - 1 }),
    }),
  },
  {
    fault: "refuses a lease to its holder",
    caught: "a holder may take its lease again, for longer or for shorter",
    breaks: (storage) => {
      const taken = new Map<string, number>();
      return {
        ...storage,
        async takeLease(lease) {
          if ((taken.get(lease.holder) ?? 0) > lease.now) return false;
          const isTaken = await storage.takeLease(lease);
          if (isTaken) taken.set(lease.holder, lease.until);
          return isTaken;
        },
      };
    },
  },
  {
    fault: "lets anybody give a lease back",
    caught: "a lease is given back by its holder alone",
    breaks: (storage) => {
      const holders = new Map<string, string>();
      return {
        ...storage,
        async takeLease(lease) {
          const isTaken = await storage.takeLease(lease);
          if (isTaken) holders.set(lease.name, lease.holder);
          return isTaken;
        },
        releaseLease: (name, holder) => storage.releaseLease(name, holders.get(name) ?? holder),
      };
    },
  },
  {
    fault: "mixes leases whose names differ by case",
    caught: "names and holders of leases are exact, whatever characters they hold",
    breaks: (storage) => ({
      ...storage,
      takeLease: (lease) => storage.takeLease({ ...lease, name: lease.name.toLowerCase() }),
    }),
  },
  {
    fault: "takes a lease for a change",
    caught: "a lease is no change: revision, feed and audit trail stay as they are",
    breaks: (storage) => ({
      ...storage,
      async takeLease(lease) {
        await storage.registerCustomers([{ id: lease.holder }]);
        return storage.takeLease(lease);
      },
    }),
  },
  {
    fault: "looks for a lease before it takes it",
    caught: "of twenty that ask for a lease at once, one gets it",
    breaks: (storage) => {
      const held = new Map<string, number>();
      return {
        ...storage,
        async takeLease({ name, now, until }) {
          if ((held.get(name) ?? 0) > now) return false;
          await storage.readState();
          held.set(name, until);
          return true;
        },
      };
    },
  },
];
