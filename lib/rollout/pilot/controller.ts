import { asStorageError, isFlagError } from "../../feature-flags/core/errors.ts";
import type { HeldRollout, RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import { observeForAdvance, observeForRollback } from "./observation.ts";
import { changeRollout } from "./rollout-change.ts";
import { advance, rollBack, type Transition } from "./transitions.ts";

export interface ControllerOptions {
  /** Resolves once the rollouts in memory can be relied on. */
  readonly loaded: () => Promise<void>;
  /** Milliseconds between two checks. */
  readonly checkEvery: number;
  /** Milliseconds that single events are kept. */
  readonly eventsKeptFor: number;
  /** Milliseconds that counts per minute are kept. */
  readonly countsKeptFor: number;
}

export interface RolloutController {
  /** Looks at all rollouts now, as happens by itself: takes back, advances, forgets. Never rejects. */
  check(): Promise<void>;
  /** Ends the checks, and waits for the one under way. */
  close(): Promise<void>;
}

const SCHEDULE_LEASE = "rollout-schedule";
const EXPIRY_LEASE = "rollout-expiry";
const EXPIRE_EVERY = 3_600_000;
const RETRY_EXPIRY_AFTER = 60_000;

/**
 * Looks at the rollouts again and again. Every instance looks for errors, so that no single one's death delays a
 * rollback; advancing is one instance's at a time. Either is written only where the rollout still has the version
 * that was looked at, so that of many who decide alike exactly one acts.
 */
export function createController<C extends object>(
  access: RolloutAccess<C>,
  { loaded, checkEvery, eventsKeptFor, countsKeptFor }: ControllerOptions,
): RolloutController {
  const { clock, random, log, instanceId } = access;
  let expiresAt = clock.now() + EXPIRE_EVERY * random();
  let checking: Promise<void> | undefined;
  let isClosed = false;
  let holdsSchedule = false;
  let cancel = schedule();

  function schedule(): () => void {
    return clock.setTimer(
      () => {
        cancel = schedule();
        // Failures are reported where they happen.
        void check();
      },
      Math.round(checkEvery * (0.9 + 0.2 * random())),
    );
  }

  function check(): Promise<void> {
    if (isClosed) return Promise.resolve();
    checking ??= checkAll().finally(() => {
      checking = undefined;
    });
    return checking;
  }

  async function checkAll(): Promise<void> {
    await attempt(undefined, loaded);
    for (const rollout of access.active()) {
      if (!isClosed && rollout.status !== "rolled_back") await attempt(rollout, takeBack);
    }
    await attempt(undefined, advanceScheduled);
    await attempt(undefined, expire);
  }

  /** What fails for one rollout must not keep the others from being looked at. */
  async function attempt<T>(what: T, run: (what: T) => Promise<void>): Promise<void> {
    try {
      if (!isClosed) await run(what);
    } catch (cause) {
      const error = asStorageError(cause, "looking after rollouts");
      if (error.code !== "CLOSED")
        log.warn(`rollout:${error.code}`, { code: error.code, error }, error.message);
    }
  }

  async function takeBack(rollout: HeldRollout): Promise<void> {
    if (rollout.rollbackThreshold === undefined) return;
    const decision = await observeForRollback(access, rollout);
    if (decision.act === "hold") return;
    const { because, evidence } = decision;
    const acted = await act(rollout, rollBack, "automatic rollback", because, evidence);
    const facts = { featureName: rollout.featureName, because, evidence };
    if (acted) log.always("error", facts, `The rollout "${rollout.featureName}" was taken back: ${because}.`);
  }

  async function advanceScheduled(): Promise<void> {
    const isDue = ({ status, schedule: asked }: HeldRollout) =>
      status === "in_progress" && asked !== undefined;
    if (!access.active().some(isDue)) return;
    holdsSchedule = await takeLease(SCHEDULE_LEASE, 3 * checkEvery);
    if (!holdsSchedule) return;
    for (const rollout of access.active().filter(isDue)) await attempt(rollout, advanceOne);
  }

  async function advanceOne(rollout: HeldRollout): Promise<void> {
    const decision = await observeForAdvance(access, rollout, true);
    if (decision.act === "refuse") return;
    const { because, evidence } = decision;
    const acted = await act(rollout, advance, "schedule", because, evidence);
    const facts = { featureName: rollout.featureName, because, evidence };
    if (acted) log.always("info", facts, `The rollout "${rollout.featureName}" was advanced: ${because}.`);
  }

  /** False where another instance, or somebody, was first. */
  async function act(
    { featureName, version }: HeldRollout,
    transition: Transition,
    changedBy: string,
    reason: string,
    evidence: Parameters<typeof changeRollout>[1]["evidence"],
  ): Promise<boolean> {
    try {
      const change = { featureName, transition, changedBy, reason, evidence, ifVersion: version };
      return (await changeRollout(access, change)).revision !== undefined;
    } catch (error) {
      if (isFlagError(error, "VERSION_CONFLICT")) return false;
      throw error;
    }
  }

  async function expire(): Promise<void> {
    const now = clock.now();
    if (now < expiresAt) return;
    expiresAt = now + RETRY_EXPIRY_AFTER;
    const isMine = await takeLease(EXPIRY_LEASE, EXPIRE_EVERY / 2);
    const limits = { eventsBefore: now - eventsKeptFor, countsBefore: now - countsKeptFor };
    const isMore = isMine && (await access.record((storage) => storage.expireRolloutEvents(limits)));
    // What is left goes with the next check.
    expiresAt = isMore ? now : now + EXPIRE_EVERY;
  }

  function takeLease(name: string, duration: number): Promise<boolean> {
    const now = clock.now();
    const lease = { name, holder: instanceId, now, until: now + duration };
    return access.record((storage) => storage.takeLease(lease));
  }

  return Object.freeze({
    check,
    async close(): Promise<void> {
      cancel();
      isClosed = true;
      await checking;
      if (!holdsSchedule) return;
      try {
        await access.record((storage) => storage.releaseLease(SCHEDULE_LEASE, instanceId));
      } catch (error) {
        // It runs out by itself.
        log.warn("rollout:lease", { error }, "The lease of the rollout schedule could not be given back.");
      }
    },
  });
}
