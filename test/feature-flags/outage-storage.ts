import { FlagError, type FlagStorage } from "../../lib/feature-flags/index.ts";

/** How storage fares: it answers, it refuses every call, or it lets every call wait. */
export type StorageMode = "up" | "down" | "hanging";

/** A storage that can be told to fail or to hang, in all it does, and that counts what it is asked. */
export interface OutageStorage {
  readonly storage: FlagStorage;
  mode: StorageMode;
  /** Operations that fare so whatever `mode` says. */
  readonly modes: Map<string, StorageMode>;
  /** The operations asked for, in order, answered or not. */
  readonly calls: string[];
  /** The calls that were made while it hung are made now, and answered. */
  letGo(): void;
}

/** What is no question to the database. */
const OF_ITS_OWN = ["kind", "subscribe", "feedMode", "close"];

export function outageStorage(from: FlagStorage): OutageStorage {
  const waiting: (() => void)[] = [];
  const calls: string[] = [];
  const modes = new Map<string, StorageMode>();
  const outage: { mode: StorageMode } = { mode: "up" };

  // A copy, since a proxy may not answer otherwise for what is frozen.
  const storage = new Proxy(
    { ...from },
    {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof name !== "string" || OF_ITS_OWN.includes(name) || typeof member !== "function")
          return member;
        return async (...args: unknown[]): Promise<unknown> => {
          calls.push(name);
          const mode = modes.get(name) ?? outage.mode;
          if (mode === "down") throw new FlagError("STORAGE_UNAVAILABLE", "The database is out of reach.");
          if (mode === "hanging") await new Promise<void>((resolve) => waiting.push(resolve));
          return await Reflect.apply(member, undefined, args);
        };
      },
    },
  );
  return Object.assign(outage, {
    storage,
    modes,
    calls,
    letGo() {
      for (const go of waiting.splice(0)) go();
    },
  });
}
