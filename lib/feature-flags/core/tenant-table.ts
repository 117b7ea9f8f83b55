/** One record of a {@link TenantTable}: whose it is, and through which organization it was resolved. */
export interface TenantSlot<S> {
  readonly customerId: string | undefined;
  readonly organizationId: string | undefined;
  /** The organization the slot depends on: the one of the key, else the one the directory knew. */
  resolvedThrough: string | undefined;
  /** The same customer under another organization. */
  next: S | undefined;
}

/**
 * Slots by the pair (customer, organization), with an index by organization. Pairs never collide, for no key is
 * glued together from two ids; finding one is a `Map.get` and, for a customer of several organizations, a short
 * walk.
 */
export class TenantTable<S extends TenantSlot<S>> {
  readonly #customers = new Map<string, S>();
  readonly #organizations = new Map<string | undefined, S>();
  readonly #dependents = new Map<string, Set<S>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(customerId: string | undefined, organizationId: string | undefined): S | undefined {
    if (customerId === undefined) return this.#organizations.get(organizationId);
    const first = this.#customers.get(customerId);
    // The walk is a function of its own: a loop here keeps the hot path from being inlined, at twice its cost.
    return first === undefined || first.organizationId === organizationId
      ? first
      : walk(first, organizationId);
  }

  /** Adds a slot whose pair is not there yet. */
  add(slot: S): void {
    if (slot.customerId === undefined) this.#organizations.set(slot.organizationId, slot);
    else {
      slot.next = this.#customers.get(slot.customerId);
      this.#customers.set(slot.customerId, slot);
    }
    this.#size += 1;
    this.#depend(slot);
  }

  remove(slot: S): void {
    this.#independ(slot);
    this.#size -= 1;
    if (slot.customerId === undefined) {
      this.#organizations.delete(slot.organizationId);
      return;
    }
    const first = this.#customers.get(slot.customerId);
    if (first !== slot) {
      for (let before = first; before !== undefined; before = before.next) {
        if (before.next === slot) before.next = slot.next;
      }
    } else if (slot.next === undefined) this.#customers.delete(slot.customerId);
    else this.#customers.set(slot.customerId, slot.next);
  }

  resolve(slot: S, through: string | undefined): void {
    if (slot.resolvedThrough === through) return;
    this.#independ(slot);
    slot.resolvedThrough = through;
    this.#depend(slot);
  }

  *ofCustomer(id: string): Generator<S> {
    for (let slot = this.#customers.get(id); slot !== undefined; slot = slot.next) yield slot;
  }

  /** The organization's own slot and those of all customers resolved through it. */
  ofOrganization(id: string): Iterable<S> {
    return this.#dependents.get(id) ?? [];
  }

  *all(): Generator<S> {
    yield* this.#organizations.values();
    for (const first of this.#customers.values()) {
      for (let slot: S | undefined = first; slot !== undefined; slot = slot.next) yield slot;
    }
  }

  clear(): void {
    this.#customers.clear();
    this.#organizations.clear();
    this.#dependents.clear();
    this.#size = 0;
  }

  #depend(slot: S): void {
    if (slot.resolvedThrough === undefined) return;
    const dependents = this.#dependents.get(slot.resolvedThrough);
    if (dependents === undefined) this.#dependents.set(slot.resolvedThrough, new Set([slot]));
    else dependents.add(slot);
  }

  #independ(slot: S): void {
    if (slot.resolvedThrough === undefined) return;
    const dependents = this.#dependents.get(slot.resolvedThrough);
    dependents?.delete(slot);
    if (dependents?.size === 0) this.#dependents.delete(slot.resolvedThrough);
  }
}

function walk<S extends TenantSlot<S>>(first: S, organizationId: string | undefined): S | undefined {
  let slot = first.next;
  while (slot !== undefined && slot.organizationId !== organizationId) slot = slot.next;
  return slot;
}
