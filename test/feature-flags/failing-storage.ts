import { FlagError, type FlagStorage } from "../../lib/feature-flags/index.ts";

/** A storage that can be told to be down: then every operation rejects, as a database out of reach would. */
export interface FailingStorage {
  readonly storage: FlagStorage;
  down: boolean;
  /** Calls of `readTenant`, answered or not. */
  reads: number;
}

export function failingStorage(storage: FlagStorage): FailingStorage {
  const state = { down: false, reads: 0 };
  const unlessDown =
    <Args extends readonly unknown[], Answer>(run: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      if (state.down) throw new FlagError("STORAGE_UNAVAILABLE", "The database is out of reach.");
      return await run(...args);
    };
  const readTenant = unlessDown(storage.readTenant);
  return Object.assign(state, {
    storage: {
      ...storage,
      readTenant: (context: Parameters<FlagStorage["readTenant"]>[0]) => {
        state.reads += 1;
        return readTenant(context);
      },
      writeOverride: unlessDown(storage.writeOverride),
      listOverrides: unlessDown(storage.listOverrides),
      lastChanges: unlessDown(storage.lastChanges),
      listRollouts: unlessDown(storage.listRollouts),
      writeRollout: unlessDown(storage.writeRollout),
      readState: unlessDown(storage.readState),
      changesSince: unlessDown(storage.changesSince),
    },
  });
}
