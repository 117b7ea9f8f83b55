import type { FlagStorage } from "../../lib/feature-flags/index.ts";

type Reading = "readTenant" | "listOverrides" | "readState" | "changesSince";

/** A storage whose calls of one operation take their answer when they are made and give it when let go. */
export interface HeldStorage {
  readonly storage: FlagStorage;
  /** How many calls were made so far. */
  calls(): number;
  /** Resolves once `count` calls have taken their answer. */
  reached(count: number): Promise<void>;
  /** Lets one of the calls that wait answer. */
  release(which: "oldest" | "newest"): Promise<void>;
  /** From now on calls answer at once; those that wait do so too. */
  releaseAll(): void;
}

export function heldStorage(storage: FlagStorage, operation: Reading): HeldStorage {
  const waiting: (() => void)[] = [];
  let calls = 0;
  let arrived = 0;
  let open = false;

  async function held<Answer>(answer: Promise<Answer>): Promise<Answer> {
    calls += 1;
    const [settled] = await Promise.allSettled([answer]);
    arrived += 1;
    if (!open) await new Promise<void>((resolve) => waiting.push(resolve));
    if (settled.status === "rejected") throw settled.reason;
    return settled.value;
  }

  const holding: Pick<FlagStorage, Reading> = {
    readTenant: (context) => held(storage.readTenant(context)),
    listOverrides: (page) => held(storage.listOverrides(page)),
    readState: () => held(storage.readState()),
    changesSince: (revision, limit) => held(storage.changesSince(revision, limit)),
  };
  return {
    storage: { ...storage, [operation]: holding[operation] },
    calls: () => calls,
    async reached(count) {
      while (arrived < count) await turn();
    },
    async release(which) {
      const go = which === "oldest" ? waiting.shift() : waiting.pop();
      go?.();
      await turn();
    },
    releaseAll() {
      open = true;
      for (const go of waiting.splice(0)) go();
    },
  };
}

/** Everything that only waits for promises has run once this resolves. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The same storage, telling nobody of its commits: others learn of them by asking. */
export function unannounced(storage: FlagStorage): FlagStorage {
  const { subscribe: _, ...silent } = storage;
  return silent;
}
