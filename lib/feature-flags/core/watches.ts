import { detectChanges, type ValueChange } from "./change-tracking.ts";
import { tell } from "./events.ts";
import type { FeedEvent } from "./storage.ts";
import { contextError } from "./tenant-id.ts";
import type { Clock, FlagEvaluation, TenantContext } from "./types.ts";

/** What changed for a tenant that is watched. */
export interface TenantChange<C extends object> {
  readonly context: TenantContext;
  readonly changes: readonly ValueChange[];
  readonly evaluation: FlagEvaluation<C>;
}

export interface WatchOptions<C extends object> {
  readonly evaluate: (context: TenantContext) => Promise<FlagEvaluation<C>>;
  readonly shape: object;
  readonly clock: Clock;
  /** Told of what a listener throws. */
  readonly report: (error: unknown) => void;
}

interface Watch<C extends object> {
  readonly context: TenantContext;
  readonly listener: (change: TenantChange<C>) => void;
  /** What holds for the tenant as far as storage has confirmed it; undefined until it has. */
  last: Promise<FlagEvaluation<C> | undefined>;
}

const LOOK_AGAIN_AFTER = 1_000;

/** Tells, for the tenants asked for, what a change means to them: old and new value per path. */
export class Watches<C extends object> {
  readonly #options: WatchOptions<C>;
  readonly #watches = new Set<Watch<C>>();
  readonly #unconfirmed = new Set<Watch<C>>();
  #cancelLook: (() => void) | undefined;
  #closed = false;

  constructor(options: WatchOptions<C>) {
    this.#options = options;
  }

  /** The returned function ends it. Throws INVALID_ID for a context that can never have an answer. */
  add(context: TenantContext, listener: (change: TenantChange<C>) => void): () => void {
    const invalid = contextError(context);
    if (invalid !== undefined) throw invalid;
    const { customerId, organizationId } = context;
    const watched: TenantContext = Object.freeze({ customerId, organizationId });
    const watch: Watch<C> = { context: watched, listener, last: Promise.resolve(undefined) };
    this.#watches.add(watch);
    watch.last = this.#look(watch, undefined);
    return () => {
      this.#watches.delete(watch);
      this.#unconfirmed.delete(watch);
    };
  }

  /** Told of committed changes, once the next evaluation will see them. */
  changed(events: readonly Pick<FeedEvent, "scope" | "id">[]): void {
    for (const watch of this.#watches) {
      if (events.some((event) => concerns(event, watch.context))) this.#lookNext(watch);
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook?.();
  }

  /** One look waits for the one before, so that changes are told in order and none twice. */
  #lookNext(watch: Watch<C>): void {
    watch.last = watch.last.then((before) => (this.#watches.has(watch) ? this.#look(watch, before) : before));
  }

  async #look(
    watch: Watch<C>,
    before: FlagEvaluation<C> | undefined,
  ): Promise<FlagEvaluation<C> | undefined> {
    const { evaluate, shape, report } = this.#options;
    const evaluation = await evaluate(watch.context);
    // What storage could not confirm is no change, and is not compared against later.
    if (evaluation.error !== undefined) {
      this.#lookAgain(watch);
      return before;
    }
    const changes = before === undefined ? [] : detectChanges(before.config, evaluation.config, shape);
    if (changes.length > 0 && this.#watches.has(watch)) {
      const frozen = Object.freeze(changes.map((change) => Object.freeze(change)));
      tell(watch.listener, Object.freeze({ context: watch.context, changes: frozen, evaluation }), report);
    }
    return evaluation;
  }

  #lookAgain(watch: Watch<C>): void {
    if (this.#closed || !this.#watches.has(watch)) return;
    this.#unconfirmed.add(watch);
    this.#cancelLook ??= this.#options.clock.setTimer(() => {
      this.#cancelLook = undefined;
      const unconfirmed = [...this.#unconfirmed];
      this.#unconfirmed.clear();
      for (const each of unconfirmed) this.#lookNext(each);
    }, LOOK_AGAIN_AFTER);
  }
}

/** A customer may belong to the organization that changed without its context saying so. */
function concerns({ scope, id }: Pick<FeedEvent, "scope" | "id">, context: TenantContext): boolean {
  if (scope === "everything" || scope === "rollout") return true;
  if (scope === "customer") return context.customerId === id;
  return (
    context.organizationId === id ||
    (context.organizationId === undefined && context.customerId !== undefined)
  );
}
