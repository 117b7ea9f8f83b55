import type { StorageConnection } from "./connection.ts";
import { asStorageError, type FlagError } from "./errors.ts";
import type { OnceLog } from "./once-log.ts";
import type { OverrideWritten } from "./storage.ts";
import type { Clock } from "./types.ts";

const RETRY_AFTER = 30_000;

/** Sees to it that audit rows which had to be kept aside reach the audit trail. */
export class AuditRetry {
  readonly #connection: StorageConnection;
  readonly #clock: Clock;
  readonly #log: OnceLog;
  readonly #onError: (error: FlagError) => void;
  #kept = 0;
  #lookedBack = false;
  #cancel: (() => void) | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** `onError` is told of failures that no caller sees. */
  constructor(
    connection: StorageConnection,
    clock: Clock,
    log: OnceLog,
    onError: (error: FlagError) => void,
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#log = log;
    this.#onError = onError;
  }

  /** Changes whose rows were kept aside since the start. */
  get kept(): number {
    return this.#kept;
  }

  /** Told of every write. The first also looks for rows that an earlier process kept. */
  after(written: OverrideWritten): void {
    if (written.audit === "kept") {
      this.#kept += 1;
      const facts = { code: "AUDIT_UNAVAILABLE", error: written.auditError, revision: written.revision };
      this.#log.error(
        "audit:kept",
        facts,
        "The audit table refused rows. They are kept aside and tried again.",
      );
    } else if (this.#lookedBack) return;
    this.#lookedBack = true;
    this.#schedule(written.audit === "kept" ? RETRY_AFTER : 0);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  /** Never puts off an attempt that is due earlier: changes may keep coming for ever. */
  #schedule(delay: number): void {
    const at = this.#clock.now() + delay;
    if (this.#closed || at >= this.#dueAt) return;
    this.#cancel?.();
    this.#dueAt = at;
    this.#cancel = this.#clock.setTimer(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#retry().then(
        (waiting) => waiting > 0 && this.#schedule(RETRY_AFTER),
        (error: unknown) => this.#failed(error),
      );
    }, delay);
  }

  async #retry(): Promise<number> {
    return await this.#connection.write((storage) => storage.retryAudit());
  }

  #failed(cause: unknown): void {
    const error = asStorageError(cause, "writing audit rows that were kept aside");
    if (error.code === "CLOSED") return;
    this.#log.error(`audit:${error.code}`, { code: error.code, error }, error.message);
    this.#onError(error);
    this.#schedule(RETRY_AFTER);
  }
}
