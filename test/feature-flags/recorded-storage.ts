import { parseRollout, rolloutJson } from "../../lib/feature-flags/core/rollout-parse.ts";
import type { FeedNotice } from "../../lib/feature-flags/core/storage.ts";
import type { FlagObject, TenantContext } from "../../lib/feature-flags/core/types.ts";
import { type FlagStorage, isFlagError } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { halfRollout } from "./stored-rollouts.ts";
import { after, type Moment, NOTHING, type Operation, type PlainRollout, seenAt } from "./told-history.ts";

let changes = 0;

/** Makes a change as another process would. */
export async function perform(storage: FlagStorage, operation: Operation): Promise<void> {
  changes += 1;
  const meta = { changeId: `change-${changes}`, changedBy: "ada", changedAt: 0, reason: "Test" };
  if (operation.do === "register") await storage.registerCustomers(operation.customers);
  else if (operation.do === "override") {
    const { kind, id, flags } = operation;
    const decide = () => ({ flags, changes: [] });
    await storage.writeOverride({ ...meta, tenant: { kind, id }, audit: "required", decide });
  } else await storage.writeRollout(rolloutWrite(operation.featureName, operation.rollout));
}

export function rolloutWrite(featureName: string, plain: PlainRollout) {
  changes += 1;
  const rollout = rolloutJson({
    ...halfRollout,
    ...{ featureName, path: "limits.maxSeats", value: plain.seats, unit: plain.unit, salt: featureName },
    status: plain.isRolledBack ? "rolled_back" : "in_progress",
    tiers: [{ name: "one", percentage: plain.percentage, minimumAge: 0, minimumEvents: 0 }],
    targetTier: 0,
  });
  return {
    ...{ featureName, changeId: `change-${changes}`, changedBy: "ada", changedAt: 0, reason: "Test" },
    audit: "required" as const,
    decide: () => ({ rollout, path: "limits.maxSeats", oldValue: undefined, newValue: {} }),
  };
}

function plainRollout(json: FlagObject): PlainRollout {
  const rollout = parseRollout(json);
  if (typeof rollout === "string") throw new Error(rollout);
  const { value, unit, status, tiers } = rollout;
  const percentage = tiers[0]?.percentage ?? 0;
  return { seats: Number(value), unit, percentage, isRolledBack: status === "rolled_back" };
}

/** A memory storage that remembers how everything was at each of its revisions, and can be put back to one. */
export class RecordedStorage {
  /** In the order of time; a restored database begins a new one. */
  readonly moments: Moment[] = [NOTHING];
  readonly storage: FlagStorage;
  #memory = memoryStorage({ epoch: "life-0" });
  #epoch = "life-0";
  #operations: Operation[] = [];
  /** Where in `moments` each revision of this life lies. */
  #places: number[] = [0];
  #told: (notice: FeedNotice) => void;

  constructor(told: (notice: FeedNotice) => void) {
    this.#told = told;
    this.storage = new Proxy({ ...this.#memory }, { get: (_, name) => this.#member(name) });
  }

  get epoch(): string {
    return this.#epoch;
  }

  get revision(): number {
    return this.#operations.length;
  }

  /** The first moment not before `from` at which a tenant saw this; undefined where it never did. */
  momentOf(seen: string, context: TenantContext, from: number): number | undefined {
    const found = this.moments.findIndex((moment, at) => at >= from && seenAt(moment, context) === seen);
    return found < 0 ? undefined : found;
  }

  /** Whether there are layers that show this, each of a moment of its own and none from before its floor. */
  isMixed(seen: string, context: TenantContext, floors: Moments): boolean {
    const { customerId, organizationId } = context;
    const of = <Key extends keyof Moment>(layer: Key) =>
      new Set(this.moments.slice(floors[layer]).map((moment) => moment[layer]));
    for (const memberships of of("memberships")) {
      const through = organizationId ?? memberships.get(customerId ?? "");
      for (const customer of distinct(of("customer"), customerId)) {
        for (const organization of distinct(of("organization"), through)) {
          for (const rollouts of of("rollouts")) {
            if (seenAt({ customer, organization, memberships, rollouts }, context) === seen) return true;
          }
        }
      }
    }
    return false;
  }

  /** As it was at an earlier revision, under the same epoch or another. */
  async restore(revision: number, epoch: string): Promise<void> {
    const kept = this.#operations.slice(0, revision);
    const memory = memoryStorage({ epoch });
    for (const operation of kept) await perform(memory, operation);
    this.#memory = memory;
    this.#epoch = epoch;
    this.#operations = kept;
    this.moments.push(kept.reduce(after, NOTHING));
    this.#places = kept.map(() => this.moments.length - 1);
    this.#places.push(this.moments.length - 1);
  }

  /** Where in `moments` a revision lies. */
  placeOf(revision: number): number {
    return this.#places[revision] ?? this.moments.length - 1;
  }

  #member(name: string | symbol): unknown {
    const memory = this.#memory;
    const recorded: Partial<FlagStorage> = {
      writeOverride: (write) => {
        let made: Operation | undefined;
        const decide: typeof write.decide = (current) => {
          const decision = write.decide(current);
          if (decision !== undefined) made = { do: "override", ...write.tenant, flags: decision.flags };
          return decision;
        };
        return this.#record(memory.writeOverride({ ...write, decide }), made);
      },
      writeRollout: (write) => {
        let made: Operation | undefined;
        const { featureName } = write;
        const decide: typeof write.decide = (current, others) => {
          const decision = write.decide(current, others);
          if (decision !== undefined) {
            made = { do: "rollout", featureName, rollout: plainRollout(decision.rollout) };
          }
          return decision;
        };
        return this.#record(memory.writeRollout({ ...write, decide }), made);
      },
      registerCustomers: (records) => {
        const customers = records.map(({ id, organizationId }) => ({ id, organizationId }));
        return this.#record(memory.registerCustomers(records), { do: "register", customers });
      },
    };
    return Reflect.get(recorded, name) ?? Reflect.get(memory, name);
  }

  /** Memory has done its work when it returns the promise: this is the moment of the commit. */
  #record<T>(written: Promise<T>, made: Operation | undefined): Promise<T> {
    if (made === undefined) return written;
    this.#operations.push(made);
    this.moments.push(after(this.moments.at(-1) ?? NOTHING, made));
    this.#places.push(this.moments.length - 1);
    const revision = this.#operations.length;
    const one = made.do === "register" ? made.customers.length === 1 : true;
    const event =
      made.do === "register"
        ? { scope: "customer" as const, id: made.customers[0]?.id }
        : made.do === "override"
          ? { scope: made.kind, id: made.id }
          : { scope: "rollout" as const, id: made.featureName };
    this.#told({ epoch: this.#epoch, revision, ...(one ? event : { scope: "everything", id: undefined }) });
    return written;
  }
}

/** By layer: where in the history its earliest moment lies. */
export type Moments = Readonly<Record<keyof Moment, number>>;

function distinct(
  all: Iterable<ReadonlyMap<string, FlagObject>>,
  id: string | undefined,
): Iterable<ReadonlyMap<string, FlagObject>> {
  return new Map(Array.from(all, (layer) => [layer.get(id ?? ""), layer])).values();
}

const HELD = ["readTenant", "listRollouts", "changesSince", "readOverrides", "readCustomers"] as const;
const ALSO_HELD = ["listOverrides", "listCustomers", "readState"] as const;

/** One process's way to a storage: its reads and its notices can be held, lost, doubled and put out of order. */
export class Wire {
  readonly storage: FlagStorage;
  readonly notices: FeedNotice[] = [];
  isHolding = false;
  readonly #waiting: (() => void)[] = [];
  #listener: (notice?: FeedNotice) => void = () => {};

  constructor(from: FlagStorage, hasNotices: boolean) {
    const subscribe = (listener: (notice?: FeedNotice) => void) => {
      this.#listener = listener;
      return () => {};
    };
    this.storage = new Proxy(
      { ...from },
      {
        get: (_, name) => {
          if (name === "subscribe") return hasNotices ? subscribe : undefined;
          if (name === "feedMode") return () => (hasNotices ? "listen" : "poll");
          const member: unknown = Reflect.get(from, name);
          const isHeld = [...HELD, ...ALSO_HELD].some((held) => held === name);
          if (!isHeld || typeof member !== "function") return member;
          return (...args: unknown[]) => this.#held(Reflect.apply(member, undefined, args));
        },
      },
    );
  }

  tell(notice: FeedNotice | undefined): void {
    this.#listener(notice);
  }

  release(place: number): void {
    const [go] = this.#waiting.splice(place % Math.max(1, this.#waiting.length), 1);
    go?.();
  }

  releaseAll(): void {
    this.isHolding = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Its answer is of the moment of the question, however late it comes. */
  async #held(answer: Promise<unknown>): Promise<unknown> {
    if (this.isHolding) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return await answer;
  }
}

/** Whether a write failed for a reason that the test brought about. */
export function isRefusal(error: unknown): boolean {
  return isFlagError(error) && ["STORAGE_UNAVAILABLE", "CLOSED", "RULE_VIOLATED"].includes(error.code);
}
