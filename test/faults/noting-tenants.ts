import type { FlagStorage } from "../../lib/feature-flags/core/storage.ts";
import { defineFlags, FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { sqliteStorage } from "../../lib/storages/sqlite/index.ts";
import type { AcknowledgedWrite } from "./acknowledged-write.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { contradictions, lostWrites, readHistory } from "./written-history.ts";

/** Customers whose overrides hold long notes, in one file; closed until `open`, and open again after it. */
export interface NotingTenants {
  readonly acknowledged: readonly AcknowledgedWrite[];
  readonly isOpen: boolean;
  open(): Promise<void>;
  close(): Promise<void>;
  /** One write: a note of up to 30,000 characters for one of the customers. Rejects as the storage does. */
  write(): Promise<void>;
  /** Asks the storage for every customer: how many answered with what was acknowledged last, and which did not. */
  read(): Promise<{ readonly sound: number; readonly wrong: readonly string[] }>;
  /** What is missing of all that was acknowledged, and what contradicts itself. */
  missing(): Promise<{ readonly lost: number; readonly contradictions: readonly string[] }>;
}

const CUSTOMERS = Array.from({ length: 12 }, (_, index) => `cust_${index}`);
const LONGEST_NOTE = 30_000;
const definition = defineFlags({ defaults: { note: "", beta: false } });

export function notingTenants(file: string, random: SeededRandom): NotingTenants {
  const acknowledged: AcknowledgedWrite[] = [];
  const notes = new Map<string, string>();
  let current:
    | { storage: FlagStorage; manager: FeatureFlagManager<{ note: string; beta: boolean }> }
    | undefined;

  function opened() {
    if (current === undefined) throw new Error("The storage is closed.");
    return current;
  }

  return Object.freeze({
    acknowledged,
    get isOpen() {
      return current !== undefined;
    },
    async open() {
      const storage = await sqliteStorage({ file });
      current = {
        storage,
        manager: new FeatureFlagManager({ definition, storage, environment: "production" }),
      };
    },
    async close() {
      const closing = current;
      current = undefined;
      await closing?.manager.close();
      await closing?.storage.close();
    },
    async write() {
      const id = random.pick(CUSTOMERS);
      // Text that nothing could pack.
      const note = Array.from({ length: 1 + random.below(LONGEST_NOTE / 6) }, () =>
        random
          .below(2 ** 30)
          .toString(36)
          .padStart(6, "0"),
      ).join("");
      const written = await opened().manager.setCustomerFlags(id, { note }, "writer", "Fills the disk");
      const { version, revision = 0, changeId = "" } = written;
      const changes = [{ path: "note", newOverride: note }];
      acknowledged.push({ tenant: { kind: "customer", id }, version, revision, changeId, changes });
      notes.set(id, note);
    },
    async read() {
      const answers = CUSTOMERS.map(async (customerId) => {
        const { config, error } = await opened().manager.getFlags({ customerId }, { fresh: true });
        if (error !== undefined) return `${customerId}: ${String(error)}`;
        return config.note === (notes.get(customerId) ?? "") ? undefined : `${customerId} has another note`;
      });
      const wrong = (await Promise.all(answers)).filter((answer) => answer !== undefined);
      return { sound: CUSTOMERS.length - wrong.length, wrong };
    },
    async missing() {
      const history = await readHistory(opened().storage);
      return { lost: lostWrites(history, acknowledged).length, contradictions: contradictions(history) };
    },
  } satisfies NotingTenants);
}
