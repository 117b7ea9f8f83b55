import { keepProcess } from "./clock.ts";
import type { StorageConnection } from "./connection.ts";
import { asStorageError, FlagError } from "./errors.ts";
import type { OnceLog } from "./once-log.ts";
import type { InstanceRecord, StorageState } from "./storage.ts";
import type { Clock } from "./types.ts";
import { VERSION } from "./version.ts";

export interface ReceiptOptions {
  readonly connection: StorageConnection;
  readonly clock: Clock;
  readonly log: OnceLog;
  readonly id: string;
  readonly pid: number | undefined;
  /** The state this instance has applied; undefined before its first read. */
  readonly state: () => StorageState | undefined;
  /** Told of failures that no caller sees. */
  readonly onError: (error: FlagError) => void;
}

/** An instance as operations see it. */
export interface InstanceStatus extends InstanceRecord {
  /** True for the instance that was asked. */
  readonly self: boolean;
}

/** Who had applied a revision, and how long that took. */
export interface PropagationReceipt {
  readonly revision: number;
  /** Live instances, all of which have it. */
  readonly instances: number;
  /** From the call until all had it. */
  readonly milliseconds: number;
}

const HEARTBEAT = 10_000;
const ALIVE_FOR = 35_000;
const FORGOTTEN_AFTER = 600_000;
/** Reports of a busy feed are put together, so that many changes do not become as many writes. */
const REPORT_AT_MOST_EVERY = 50;
const LOOK_EVERY = 10;

/** Says how far this instance has applied the feed, and waits for the others. */
export class Receipts {
  readonly #options: ReceiptOptions;
  /** The report on its way to storage. */
  #reporting: Promise<void> | undefined;
  #reportedAt: number | undefined;
  #due: (() => void) | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: ReceiptOptions) {
    this.#options = options;
  }

  /** Told whenever the feed has begun or got on. */
  advanced(): void {
    const earliest = this.#reportedAt === undefined ? 0 : this.#reportedAt + REPORT_AT_MOST_EVERY;
    this.#reportIn(Math.max(0, earliest - this.#options.clock.now()));
  }

  /** The instances that are alive. */
  async instances(): Promise<readonly InstanceStatus[]> {
    const since = this.#options.clock.now() - ALIVE_FOR;
    const records = await this.#options.connection.read((storage) => storage.listInstances(since));
    return records.map((record) => Object.freeze({ ...record, self: record.id === this.#options.id }));
  }

  /** Resolves once every live instance has applied `revision`; rejects with NOT_PROPAGATED, naming those that have not. */
  async wait(revision: number, timeout: number): Promise<PropagationReceipt> {
    const letGo = keepProcess();
    try {
      return await this.#allHave(revision, timeout);
    } finally {
      letGo();
    }
  }

  async #allHave(revision: number, timeout: number): Promise<PropagationReceipt> {
    const { clock, connection, state } = this.#options;
    const start = clock.now();
    if (this.#reportedAt === undefined) {
      this.#reporting ??= this.#report();
      await this.#reporting;
    }
    const { epoch } = await connection.read((storage) => storage.readState());
    for (;;) {
      const instances = await this.instances();
      const lagging = instances.filter((instance) => {
        const reached = (instance.self ? state() : undefined) ?? instance;
        return reached.epoch !== epoch || reached.revision < revision;
      });
      const milliseconds = clock.now() - start;
      if (lagging.length === 0) return Object.freeze({ revision, instances: instances.length, milliseconds });
      if (milliseconds >= timeout) throw notPropagated(revision, instances.length, lagging, milliseconds);
      await new Promise<void>((resolve) => clock.setTimer(resolve, LOOK_EVERY));
    }
  }

  /** Takes this instance's row away, where storage still can. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#due?.();
    if (this.#reportedAt === undefined || this.#options.connection.lost !== undefined) return;
    // A report that arrives after the row is gone would bring it back.
    await this.#reporting;
    const { connection, clock, id } = this.#options;
    try {
      await connection.read((storage) => storage.removeInstances(id, clock.now() - FORGOTTEN_AFTER));
    } catch (cause) {
      this.#failed(cause);
    }
  }

  #reportIn(delay: number): void {
    const at = this.#options.clock.now() + delay;
    if (this.#closed || at >= this.#dueAt) return;
    this.#due?.();
    this.#dueAt = at;
    this.#due = this.#options.clock.setTimer(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      if (this.#reporting === undefined) this.#reporting = this.#report();
      else this.#reportIn(REPORT_AT_MOST_EVERY);
    }, delay);
  }

  async #report(): Promise<void> {
    try {
      await this.#reportNow();
    } catch (cause) {
      this.#failed(cause);
    } finally {
      this.#reporting = undefined;
      this.#reportIn(HEARTBEAT);
    }
  }

  async #reportNow(): Promise<void> {
    const { connection, clock, id, pid, state } = this.#options;
    const reached = state();
    if (reached === undefined) return;
    const isFirst = this.#reportedAt === undefined;
    const now = clock.now();
    this.#reportedAt = now;
    const report = { id, pid, version: VERSION, ...reached, seenAt: now };
    await connection.read(async (storage) => {
      // Those that were killed never took their rows away.
      if (isFirst) await storage.removeInstances(id, now - FORGOTTEN_AFTER);
      await storage.reportInstance(report);
    });
  }

  #failed(cause: unknown): void {
    const error = asStorageError(cause, "reporting how far this instance has got");
    if (error.code === "CLOSED" || error.code === "READ_ONLY") return;
    this.#options.log.warn(`receipt:${error.code}`, { code: error.code, error }, error.message);
    this.#options.onError(error);
  }
}

function notPropagated(
  revision: number,
  instances: number,
  lagging: readonly InstanceStatus[],
  milliseconds: number,
): FlagError {
  const named = lagging
    .slice(0, 10)
    .map(({ host, pid, revision: at }) => `${host ?? "?"}:${pid ?? "?"} at ${at}`);
  return new FlagError(
    "NOT_PROPAGATED",
    `After ${milliseconds} ms ${lagging.length} of ${instances} instances do not have revision ${revision} yet: ` +
      `${named.join(", ")}. The change is committed; they get it when they reach the database.`,
    { details: { revision, instances, lagging } },
  );
}
