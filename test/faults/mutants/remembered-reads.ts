import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";

/** A storage that reads each thing once until it is told to forget: for many who ask about the same moment. */
export interface RememberedReads {
  readonly storage: FlagStorage;
  forget(): void;
}

export function rememberedReads(storage: FlagStorage): RememberedReads {
  const memories: (() => void)[] = [];
  function once<Given, Answer>(read: (given: Given) => Promise<Answer>): (given: Given) => Promise<Answer> {
    const known = new Map<string, Promise<Answer>>();
    memories.push(() => known.clear());
    return (given) => {
      const key = JSON.stringify(given);
      const answer = known.get(key) ?? read(given);
      known.set(key, answer);
      return answer;
    };
  }
  const readState = once(() => storage.readState());
  const listRollouts = once(() => storage.listRollouts());
  return {
    storage: {
      ...storage,
      readTenant: once(storage.readTenant),
      listOverrides: once(storage.listOverrides),
      listCustomers: once(storage.listCustomers),
      readState: () => readState("state"),
      listRollouts: () => listRollouts("rollouts"),
    },
    forget() {
      for (const forgetAll of memories) forgetAll();
    },
  };
}
