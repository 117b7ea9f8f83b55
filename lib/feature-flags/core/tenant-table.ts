/** One record of a {@link TenantTable}: whose it is, and through which organization it was resolved. */
export interface TenantSlot<S> {
  readonly customerId: string | undefined;
  readonly organizationId: string | undefined;
  /** The organization the slot depends on: the one of the key, else the one the directory knew. */
  resolvedThrough: string | undefined;
  /** The same customer under another organization. */
  next: S | undefined;
}

/** A customer of more organizations than this is kept in a map of its own: the walk stays short. */
const LONGEST_WALK = 8;

/**
 * Slots by the pair (customer, organization), with an index by organization. Pairs never collide, for no key is
 * glued together from two ids; finding one is a `Map.get` and, for a customer of several organizations, a short
 * walk or a second `Map.get`.
 */
export class TenantTable<S extends TenantSlot<S>> {
  /** One slot of each customer; the others hang on it, unless they are a crowd. */
  readonly #customers = new Map<string, S>();
  /** All slots of the customers with many, by organization. */
  readonly #crowds = new Map<string, Map<string | undefined, S>>();
  readonly #organizations = new Map<string | undefined, S>();
  readonly #dependents = new Map<string, Set<S>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(customerId: string | undefined, organizationId: string | undefined): S | undefined {
    if (customerId === undefined) return this.#organizations.get(organizationId);
    const first = this.#customers.get(customerId);
    return first === undefined || first.organizationId === organizationId
      ? first
      : this.#findBeyond(first, customerId, organizationId);
  }

  /** Adds a slot whose pair is not there yet. */
  add(slot: S): void {
    if (slot.customerId === undefined) this.#organizations.set(slot.organizationId, slot);
    else this.#addToCustomer(slot, slot.customerId);
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
    const crowd = this.#crowds.get(slot.customerId);
    if (crowd === undefined) this.#removeFromChain(slot, slot.customerId);
    else this.#removeFromCrowd(slot, slot.customerId, crowd);
  }

  resolve(slot: S, through: string | undefined): void {
    if (slot.resolvedThrough === through) return;
    this.#independ(slot);
    slot.resolvedThrough = through;
    this.#depend(slot);
  }

  *ofCustomer(id: string): Generator<S> {
    const crowd = this.#crowds.get(id);
    if (crowd !== undefined) yield* crowd.values();
    else for (let slot = this.#customers.get(id); slot !== undefined; slot = slot.next) yield slot;
  }

  /** The organization's own slot and those of all customers resolved through it. */
  ofOrganization(id: string): Iterable<S> {
    return this.#dependents.get(id) ?? [];
  }

  *all(): Generator<S> {
    yield* this.#organizations.values();
    for (const id of this.#customers.keys()) yield* this.ofCustomer(id);
  }

  clear(): void {
    this.#customers.clear();
    this.#crowds.clear();
    this.#organizations.clear();
    this.#dependents.clear();
    this.#size = 0;
  }

  /** Not in `find`, for a loop there keeps the hot path from being inlined, at twice its cost. */
  #findBeyond(first: S, customerId: string, organizationId: string | undefined): S | undefined {
    const crowd = this.#crowds.get(customerId);
    if (crowd !== undefined) return crowd.get(organizationId);
    let slot = first.next;
    while (slot !== undefined && slot.organizationId !== organizationId) slot = slot.next;
    return slot;
  }

  #addToCustomer(slot: S, id: string): void {
    const crowd = this.#crowds.get(id);
    if (crowd !== undefined) {
      crowd.set(slot.organizationId, slot);
      return;
    }
    slot.next = this.#customers.get(id);
    this.#customers.set(id, slot);
    if (slot.next === undefined) return;
    const chain = [...this.ofCustomer(id)];
    if (chain.length <= LONGEST_WALK) return;
    for (const link of chain) link.next = undefined;
    this.#crowds.set(id, new Map(chain.map((link) => [link.organizationId, link])));
  }

  #removeFromChain(slot: S, id: string): void {
    const first = this.#customers.get(id);
    if (first !== slot) {
      for (let before = first; before !== undefined; before = before.next) {
        if (before.next === slot) before.next = slot.next;
      }
    } else if (slot.next === undefined) this.#customers.delete(id);
    else this.#customers.set(id, slot.next);
  }

  #removeFromCrowd(slot: S, id: string, crowd: Map<string | undefined, S>): void {
    crowd.delete(slot.organizationId);
    if (this.#customers.get(id) !== slot) return;
    const [another] = crowd.values();
    if (another !== undefined) this.#customers.set(id, another);
    else {
      this.#customers.delete(id);
      this.#crowds.delete(id);
    }
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
