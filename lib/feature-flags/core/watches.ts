import { detectChanges, type ValueChange } from "./change-tracking.ts";
import type { FeedEvent } from "./storage.ts";
import type { FlagEvaluation, TenantContext } from "./types.ts";

/** What changed for a tenant that is watched. */
export interface TenantChange<C extends object> {
  readonly context: TenantContext;
  readonly changes: readonly ValueChange[];
  readonly evaluation: FlagEvaluation<C>;
}

export interface WatchOptions<C extends object> {
  readonly evaluate: (context: TenantContext) => Promise<FlagEvaluation<C>>;
  readonly shape: object;
  /** Told of what a listener throws. */
  readonly report: (error: unknown) => void;
}

interface Watch<C extends object> {
  readonly context: TenantContext;
  readonly listener: (change: TenantChange<C>) => void;
  last: Promise<FlagEvaluation<C>>;
}

/** Tells, for the tenants asked for, what a change means to them: old and new value per path. */
export class Watches<C extends object> {
  readonly #options: WatchOptions<C>;
  readonly #watches = new Set<Watch<C>>();

  constructor(options: WatchOptions<C>) {
    this.#options = options;
  }

  /** The returned function ends it. */
  add(context: TenantContext, listener: (change: TenantChange<C>) => void): () => void {
    const watched: TenantContext = { customerId: context.customerId, organizationId: context.organizationId };
    const watch: Watch<C> = { context: watched, listener, last: this.#options.evaluate(watched) };
    this.#watches.add(watch);
    return () => {
      this.#watches.delete(watch);
    };
  }

  /** Told of committed changes, once the next evaluation will see them. */
  changed(events: readonly Pick<FeedEvent, "scope" | "id">[]): void {
    for (const watch of this.#watches) {
      if (events.some((event) => concerns(event, watch.context))) watch.last = this.#look(watch);
    }
  }

  /** One look waits for the one before, so that changes are told in order and none twice. */
  async #look(watch: Watch<C>): Promise<FlagEvaluation<C>> {
    const before = await watch.last;
    const evaluation = await this.#options.evaluate(watch.context);
    // What storage could not confirm is no change, and is not compared against later.
    if (evaluation.error !== undefined) return before;
    const changes = detectChanges(before.config, evaluation.config, this.#options.shape);
    if (changes.length === 0 || !this.#watches.has(watch)) return evaluation;
    try {
      watch.listener(Object.freeze({ context: watch.context, changes, evaluation }));
    } catch (error) {
      this.#options.report(error);
    }
    return evaluation;
  }
}

/** A customer may belong to the organization that changed without its context saying so. */
function concerns({ scope, id }: Pick<FeedEvent, "scope" | "id">, context: TenantContext): boolean {
  if (scope === "everything") return true;
  if (scope === "customer") return context.customerId === id;
  return (
    context.organizationId === id ||
    (context.organizationId === undefined && context.customerId !== undefined)
  );
}
