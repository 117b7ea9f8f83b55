import type { TenantContext } from "./types.ts";

/** A load under way. `current` turns false when what it reads may be from before a change. */
export interface PendingLoad {
  current: boolean;
}

interface Pending<V> extends PendingLoad {
  readonly context: TenantContext;
  readonly answer: Promise<V>;
}

/** Loads under way: one per tenant at a time, whatever the number of those who wait for it. */
export class PendingLoads<V> {
  readonly #pending = new Map<string, Pending<V>>();
  /** Those that nobody can join any more, too: one may read again, and count again. */
  readonly #all = new Set<PendingLoad & { readonly context: TenantContext }>();

  /** The load of `context` under way, or the one that `start` begins. */
  join(context: TenantContext, start: (load: PendingLoad) => Promise<V>): Promise<V> {
    return this.#pending.get(keyOf(context))?.answer ?? this.begin(context, start);
  }

  /** Begins a load even if an older one is under way: that one counts no more, and those who come later join this. */
  begin(context: TenantContext, start: (load: PendingLoad) => Promise<V>): Promise<V> {
    const key = keyOf(context);
    const older = this.#pending.get(key);
    if (older !== undefined) older.current = false;
    const load = { current: true, context };
    this.#all.add(load);
    const answer = start(load).finally(() => {
      this.#all.delete(load);
      if (this.#pending.get(key)?.answer === answer) this.#pending.delete(key);
    });
    this.#pending.set(key, Object.assign(load, { answer }));
    return answer;
  }

  invalidateCustomer(id: string): void {
    this.#outdate((context) => context.customerId === id);
  }

  /** A customer whose organization is not known yet may turn out to belong to this one. */
  invalidateOrganization(id: string): void {
    this.#outdate(
      ({ customerId, organizationId }) =>
        organizationId === id || (organizationId === undefined && customerId !== undefined),
    );
  }

  invalidateAll(): void {
    this.#outdate(() => true);
  }

  #outdate(affected: (context: TenantContext) => boolean): void {
    for (const load of this.#all) {
      if (!affected(load.context)) continue;
      load.current = false;
      const key = keyOf(load.context);
      if (this.#pending.get(key) === load) this.#pending.delete(key);
    }
  }
}

/** JSON keeps the two ids apart whatever characters they hold. */
function keyOf({ customerId, organizationId }: TenantContext): string {
  return JSON.stringify([customerId ?? null, organizationId ?? null]);
}
