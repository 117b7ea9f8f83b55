import type { FlagStorage } from "../../feature-flags/core/storage.ts";

/** How the suite gets at one kind of storage. The optional members are its capabilities. */
export interface StorageHarness {
  readonly name: string;
  /** Opens a storage that is fresh and empty, each time it is called. */
  open(): Promise<FlagStorage>;
  /** Ends everything that `open` and `reopen` opened, and removes its data. */
  close(): Promise<void>;
  /** Opens the data of the last `open` again, after its storage was closed. */
  reopen?(): Promise<FlagStorage>;
  /** Opens the data of the last `open` a second time, beside it, as another process would. */
  another?(): Promise<FlagStorage>;
  /** How many queries the database was asked so far. */
  queries?(): number;
  /** Makes the n-th query from now (1 is the next) throw, once; undefined calls it off. */
  failOnQuery?(n: number | undefined): void;
  /** Makes the audit table refuse new rows, or accept them again. */
  refuseAudit?(refuse: boolean): Promise<void>;
  /** Tries to change, or to delete, every row of the audit table past the storage. The database must refuse. */
  rewriteAudit?(how: "update" | "delete"): Promise<void>;
  /** Set where the storages can be subscribed to. */
  readonly subscribes?: true;
  /** The cases that cannot hold here, by name, each with the reason. */
  readonly without?: readonly ContractException[];
}

export interface ContractException {
  readonly case: string;
  readonly reason: string;
}

export type Capability =
  | "reopen"
  | "another"
  | "queries"
  | "failOnQuery"
  | "refuseAudit"
  | "rewriteAudit"
  | "subscribes";

/** One sentence of the contract, and how to find out whether it is true. */
export interface ContractCase {
  readonly topic: string;
  readonly name: string;
  readonly needs: readonly Capability[];
  /** Opens storage, checks and closes; rejects where the sentence is not true. */
  run(harness: StorageHarness): Promise<void>;
}

/** A harness that is known to have some of the capabilities. */
export type Equipped<Needed extends Capability> = StorageHarness & {
  readonly [Name in Needed]-?: NonNullable<StorageHarness[Name]>;
};

export type CaseOfTopic = Omit<ContractCase, "topic">;

export function topic(name: string, cases: readonly CaseOfTopic[]): readonly ContractCase[] {
  return Object.freeze(cases.map((one) => Object.freeze({ ...one, topic: name })));
}

/** A case that needs nothing but a storage. */
export function contractCase(name: string, check: (storage: FlagStorage) => Promise<void>): CaseOfTopic {
  return caseNeeding([], name, check);
}

/** A case that also needs some of the harness's capabilities. */
export function caseNeeding<Needed extends Capability>(
  needs: readonly Needed[],
  name: string,
  check: (storage: FlagStorage, harness: Equipped<Needed>) => Promise<void>,
): CaseOfTopic {
  return {
    name,
    needs,
    async run(harness) {
      if (!isEquipped(harness, needs)) throw new Error(missing(harness, needs));
      try {
        await check(await harness.open(), harness);
      } finally {
        await harness.close();
      }
    },
  };
}

export function isEquipped<Needed extends Capability>(
  harness: StorageHarness,
  needs: readonly Needed[],
): harness is Equipped<Needed> {
  return needs.every((need) => harness[need] !== undefined);
}

export function missing(harness: StorageHarness, needs: readonly Capability[]): string {
  const lacking = needs.filter((need) => harness[need] === undefined);
  return `The harness "${harness.name}" lacks ${lacking.join(", ")}. Add it, or list the case in \`without\`.`;
}
