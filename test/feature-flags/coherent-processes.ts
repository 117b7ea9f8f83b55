import { expect } from "vitest";
import type { FeedNotice } from "../../lib/feature-flags/core/storage.ts";
import type { FeatureFlagManager, FlagEvaluation, TenantContext } from "../../lib/feature-flags/index.ts";
import { type ManualClock, manualClock } from "../../lib/testing/index.ts";
import { expectTruth } from "./expected-truth.ts";
import { turn } from "./held-storage.ts";
import { type PlanFlags, planManager } from "./plan-flags.ts";
import { isRefusal, type Moments, perform, RecordedStorage, rolloutWrite, Wire } from "./recorded-storage.ts";
import { CONTEXTS, NOTHING, type Operation, seenAt, seenIn } from "./told-history.ts";

/** How old an answer may be: as a whole, and layer by layer. */
interface Allowed {
  readonly from: number;
  readonly layers: Moments;
}

const NEVER: Moments = { customer: 0, organization: 0, memberships: 0, rollouts: 0 };
const ANYTHING: Allowed = { from: 0, layers: NEVER };

export interface ProcessKind {
  readonly preload: boolean;
  readonly hasNotices: boolean;
}

export type Asking = "get" | "fresh" | "peek" | "at least";

interface Running {
  readonly kind: ProcessKind;
  wire: Wire;
  clock: ManualClock;
  manager: FeatureFlagManager<PlanFlags>;
  /** By context: the earliest moment that an answer may still be of. */
  floors: number[];
  /** The last change that was made here, by what it changed. */
  own: Map<string, number>;
  /** Whether it has believed what nobody committed, which the next poll puts right. */
  isDeceived: boolean;
}

/** Processes on one storage, and what each may answer by the history of that storage. */
export class World {
  readonly recorded = new RecordedStorage((notice) => {
    for (const { wire } of this.processes) wire.notices.push(notice);
  });
  readonly processes: Running[] = [];
  readonly faults: string[] = [];
  #pending = new Set<Promise<void>>();
  /** Goes up with every restored database: what was asked before it may be answered of either life. */
  #life = 0;
  #isFollowed = true;
  #sequence = 0;

  constructor(kinds: readonly ProcessKind[]) {
    for (const kind of kinds) this.processes.push(this.#begin(kind, false));
  }

  at(place: number): Running {
    const found = this.processes[place % this.processes.length];
    if (found === undefined) throw new Error("no process");
    return found;
  }

  /** A value that nothing else has. */
  unique(): number {
    this.#sequence += 1;
    return 100 + this.#sequence;
  }

  async commit(operation: Operation): Promise<void> {
    await perform(this.recorded.storage, operation);
  }

  /** One of the processes makes the change: from then on it has to answer no less. */
  write(place: number, operation: Operation): void {
    const running = this.at(place);
    const { manager } = running;
    const life = this.#life;
    const made = async () => {
      const { revision } = await this.#writeThrough(manager, operation);
      if (revision === undefined || life !== this.#life || running.manager !== manager) return;
      // Revisions of another life of the database may be taken for later ones until it has been noticed.
      if (!this.#isFollowed) return;
      const at = this.recorded.placeOf(revision);
      const what = operation.do === "override" ? `${operation.kind} ${operation.id}` : "rollouts";
      running.own.set(what, Math.max(running.own.get(what) ?? 0, at));
      const before = this.recorded.moments[at - 1] ?? NOTHING;
      const changed = [this.recorded.moments[at] ?? NOTHING, this.recorded.moments.at(-1) ?? NOTHING];
      for (const [which, context] of CONTEXTS.entries()) {
        // That a customer belongs to an organization is known here only once the feed has brought it.
        // What others have undone before it could be read back here need not show.
        const shows = changed.every((now) => {
          const made = operation.do === "rollout" ? { ...before, rollouts: now.rollouts } : changed[0];
          return [before.memberships, NOTHING.memberships].every(
            (memberships) =>
              seenAt({ ...before, memberships }, context) !==
              seenAt({ ...(made ?? NOTHING), memberships }, context),
          );
        });
        if (shows) running.floors[which] = Math.max(running.floors[which] ?? 0, at);
      }
    };
    this.#attend(
      made().catch((error: unknown) => {
        if (!isRefusal(error)) throw error;
      }),
    );
  }

  #writeThrough(
    manager: FeatureFlagManager<PlanFlags>,
    operation: Operation,
  ): Promise<{ revision?: number | undefined }> {
    if (operation.do === "rollout") {
      return manager.rollouts.write(rolloutWrite(operation.featureName, operation.rollout));
    }
    if (operation.do === "register") return perform(this.recorded.storage, operation).then(() => ({}));
    const { kind, id, flags } = operation;
    const change = Object.keys(flags).length === 0 ? { unset: ["plan", "note"] } : { set: flags };
    return manager.updateOverride({ kind, id }, change, { changedBy: "ada", reason: "Test" });
  }

  read(place: number, which: number, asking: Asking): void {
    const running = this.at(place);
    const context = CONTEXTS[which % CONTEXTS.length] ?? {};
    const { manager } = running;
    if (asking === "peek") {
      const answer = manager.peek(context);
      if (answer !== undefined)
        this.#check(running, context, answer, this.#allowed(running, context, asking), asking);
      return;
    }
    const life = this.#life;
    const allowed = this.#allowed(running, context, asking);
    const options =
      asking === "fresh" ? { fresh: true } : asking === "at least" ? { atLeast: this.recorded.revision } : {};
    const newest = this.recorded.moments.length - 1;
    const made = async () => {
      const answer = await manager.getFlags(context, options);
      if (running.manager !== manager) return;
      const isNewest =
        asking === "fresh" || (asking === "at least" && this.#isFollowed && !running.isDeceived);
      const from = life !== this.#life ? 0 : isNewest ? newest : allowed.from;
      this.#check(running, context, answer, life === this.#life ? { ...allowed, from } : ANYTHING, asking);
    };
    this.#attend(
      made().catch((error: unknown) => {
        if (asking !== "at least" || !isRefusal(error)) throw error;
      }),
    );
  }

  #allowed(running: Running, context: TenantContext, asking: Asking): Allowed {
    const { manager, own, floors, isDeceived } = running;
    const reached =
      isDeceived || !this.#isFollowed ? 0 : this.recorded.placeOf(manager.getStats().feed.revision ?? 0);
    const floorOf = (what: string) => Math.max(own.get(what) ?? 0, reached);
    const layers = {
      customer: floorOf(`customer ${context.customerId}`),
      organization: floorOf(`organization ${context.organizationId}`),
      memberships: reached,
      // What only storage has, beside them, is waited for; a look does not wait.
      rollouts: asking === "peek" ? reached : floorOf("rollouts"),
    };
    return { from: isDeceived ? 0 : (floors[CONTEXTS.indexOf(context)] ?? 0), layers };
  }

  #check(
    running: Running,
    context: TenantContext,
    answer: FlagEvaluation<PlanFlags>,
    { from, layers }: Allowed,
    how: Asking,
  ): void {
    if (answer.stale || answer.error !== undefined) return;
    const seen = seenIn(answer.config);
    const at = this.recorded.momentOf(seen, context, from);
    if (at !== undefined) {
      const which = CONTEXTS.indexOf(context);
      running.floors[which] = Math.max(running.floors[which] ?? 0, at);
      return;
    }
    // In memory each layer is current by itself.
    if (running.kind.preload && how !== "fresh" && this.recorded.isMixed(seen, context, layers)) return;
    const ever = this.recorded.momentOf(seen, context, 0);
    const what = ever === undefined ? "was never true" : `was true at ${ever} and not from ${from} on`;
    const who = `process ${this.processes.indexOf(running)} ${JSON.stringify(running.kind)} (${how})`;
    this.faults.push(`${who} ${JSON.stringify(context)} ${seen} ${what}`);
  }

  notice(place: number, which: number, how: "deliver" | "drop" | "double" | "forge" | "unknown"): void {
    const { wire } = this.at(place);
    if (how === "unknown") wire.tell(undefined);
    else if (how === "forge") {
      this.at(place).isDeceived = true;
      wire.tell(this.#forged(place, which));
    } else {
      const at = which % Math.max(1, wire.notices.length);
      const [notice] = how === "double" ? wire.notices.slice(at, at + 1) : wire.notices.splice(at, 1);
      if (notice !== undefined && how !== "drop") wire.tell(notice);
    }
  }

  /** Of a revision that follows on what the process has, so that it is believed. */
  #forged(place: number, which: number): FeedNotice {
    const { manager } = this.at(place);
    const revision = (manager.getStats().feed.revision ?? 0) + 1;
    const { epoch } = this.recorded;
    const lies = [
      { scope: "customer", id: "cust_3" },
      { scope: "rollout", id: "a" },
      { scope: "organization", id: "org_2" },
      { scope: "everything", id: undefined },
    ] as const;
    return { epoch, revision, ...(lies[which % lies.length] ?? lies[0]) };
  }

  async restore(back: number, isOtherEpoch: boolean): Promise<void> {
    // Who does not know how far the database was cannot see that it went back.
    if (!isOtherEpoch) await this.settle();
    for (const { wire, manager } of isOtherEpoch ? [] : this.processes) {
      await manager.getFlags({}, { fresh: true });
      await manager.catchUp();
      wire.isHolding = true;
    }
    for (let place = 0; place < this.processes.length && !isOtherEpoch; place += 1) {
      for (const which of CONTEXTS.keys()) this.read(place, which, "fresh");
    }
    this.#life += 1;
    const revision = Math.max(0, this.recorded.revision - back);
    await this.recorded.restore(revision, isOtherEpoch ? `life-${this.#life}` : this.recorded.epoch);
    for (const running of this.processes) Object.assign(running, { floors: [], own: new Map() });
    this.#isFollowed = false;
    // What the old life still had to tell of cannot be told from lies.
    if (!isOtherEpoch) for (const { wire } of this.processes) wire.notices.length = 0;
    // Under the same epoch it shows by its lower revision alone, until it has gone on as far again.
    if (!isOtherEpoch) await this.settle();
  }

  async restart(place: number, isHolding: boolean): Promise<void> {
    const old = this.at(place);
    old.wire.releaseAll();
    await turn();
    await Promise.all([old.manager.close(), turn().then(() => old.clock.advance(0))]);
    Object.assign(old, this.#begin(old.kind, isHolding));
  }

  /** Everything goes on, and every poll has come. */
  async settle(): Promise<void> {
    for (const { wire } of this.processes) wire.releaseAll();
    await turn();
    for (const { clock } of this.processes) await clock.advance(60_000);
    await turn();
    await Promise.all(this.#pending);
    expect(this.faults).toEqual([]);
    this.#isFollowed = true;
    for (const running of this.processes) running.isDeceived = false;
  }

  /** Each process answers as storage does. */
  async expectAgreement(): Promise<void> {
    const now = this.recorded.moments.at(-1) ?? NOTHING;
    for (const { manager, kind } of this.processes) await expectTruth(manager, now, kind);
  }

  async close(): Promise<void> {
    for (const { manager, wire, clock } of this.processes) {
      wire.releaseAll();
      await Promise.all([manager.close(), clock.advance(0)]);
    }
  }

  #begin(kind: ProcessKind, isHolding: boolean): Running {
    const wire = new Wire(this.recorded.storage, kind.hasNotices);
    wire.isHolding = isHolding;
    const clock = manualClock();
    const { manager } = planManager({ storage: wire.storage, clock, preload: kind.preload });
    return { kind, wire, clock, manager, floors: [], own: new Map(), isDeceived: false };
  }

  #attend(work: Promise<void>): void {
    const pending = work
      .catch((error: unknown) => void this.faults.push(String(error)))
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }
}
