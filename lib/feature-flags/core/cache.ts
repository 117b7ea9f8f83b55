import { systemClock } from "./clock.ts";
import { PendingLoads } from "./pending-loads.ts";
import { type TenantSlot, TenantTable } from "./tenant-table.ts";
import type { CacheEntry, Clock, TenantContext } from "./types.ts";

export interface FlagCacheOptions {
  /** How long an entry answers, in milliseconds. Default: 5 minutes. */
  readonly ttl?: number | undefined;
  /** The most entries kept; the least recently used go first. Default: 100,000. */
  readonly maxEntries?: number | undefined;
  readonly clock?: Clock | undefined;
  /** 0 to 1. Where given, entries expire up to a tenth of the TTL early, so that not all do at once. */
  readonly random?: (() => number) | undefined;
}

export interface FlagCacheStats {
  /** Entries that were not invalidated. */
  readonly size: number;
  /** Whose they are; listed when read. */
  readonly keys: readonly TenantContext[];
  readonly hits: number;
  readonly misses: number;
  /** Hits per read, 0 to 1; 0 before the first read. */
  readonly hitRate: number;
  readonly evictions: number;
  /** Answers given from outdated entries because storage failed. */
  readonly staleAnswers: number;
}

interface Slot<V> extends CacheEntry<V>, TenantSlot<Slot<V>> {
  /** The count of reads when this was last read. */
  usedAt: number;
}

const FIVE_MINUTES = 5 * 60_000;
const TWELVE_DAYS = 2 ** 30;
const INVALIDATED = -1;
/** Some milliseconds' worth, where each has to be asked about. */
const LOOKED_AT_ONCE = 2_000;

/**
 * Answers by (customer, organization), in memory. Reading allocates nothing and reads no clock: time is kept
 * coarse, to a hundredth of the TTL and a second at most, and recency is a counter of reads.
 *
 * An invalidated or expired entry no longer answers, but its value stays as the last known one until it is
 * replaced or evicted, for the time that storage cannot be asked.
 *
 * @example
 * const cache = new FlagCache<string>(60_000);
 * cache.set({ customerId: "cust_1", organizationId: "org_1" }, "answer");
 * cache.invalidateOrganization("org_1");
 * cache.get({ customerId: "cust_1", organizationId: "org_1" }); // undefined
 */
export class FlagCache<V> {
  /** Loads that will end in this cache: invalidation reaches them too. */
  readonly loads = new PendingLoads<V>();
  readonly #table = new TenantTable<Slot<V>>();
  readonly #ttl: number;
  readonly #maxEntries: number;
  readonly #resolution: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  #origin: number;
  /** Milliseconds since `#origin`, or -1 when the clock is to be read again. Small integers, never boxed. */
  #now = -1;
  /** Wraps at 32 bits: an entry unread for four thousand million reads looks recent, which is harmless. */
  #reads = 0;
  #invalidated = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #staleAnswers = 0;

  constructor(options: number | FlagCacheOptions = {}) {
    const given = typeof options === "number" ? { ttl: options } : options;
    this.#clock = given.clock ?? systemClock;
    this.#random = given.random ?? (() => 0);
    this.#ttl = Math.min(Math.max(0, Math.trunc(numberOr(given.ttl, FIVE_MINUTES))), TWELVE_DAYS / 2);
    this.#maxEntries = Math.max(1, numberOr(given.maxEntries, 100_000));
    this.#resolution = Math.min(1_000, Math.max(1, Math.floor(this.#ttl / 100)));
    this.#origin = this.#clock.now();
  }

  /** The answer kept for `key`, unless it has expired or was invalidated. */
  get(key: TenantContext): V | undefined {
    // First the time, then the slot: reading the clock may count all times anew.
    const now = this.#now >= 0 ? this.#now : this.#readClock();
    const slot = this.#table.find(key.customerId, key.organizationId);
    if (slot === undefined || slot.expiresAt <= now) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#reads = (this.#reads + 1) | 0;
    slot.usedAt = this.#reads;
    return slot.value;
  }

  /** The last answer kept for `key`, however old; for when storage cannot be asked. */
  lastKnown(key: TenantContext): V | undefined {
    return this.#table.find(key.customerId, key.organizationId)?.value;
  }

  /** The organization that the answer kept for `key` depends on; undefined where there is none. */
  resolvedThrough(key: TenantContext): string | undefined {
    return this.#table.find(key.customerId, key.organizationId)?.resolvedThrough ?? key.organizationId;
  }

  /** Keeps `value`. `resolvedThrough` is the organization it depends on where `key` does not name it. */
  set(key: TenantContext, value: V, resolvedThrough: string | undefined = key.organizationId): void {
    const { customerId, organizationId } = key;
    const lifetime = Math.trunc(this.#ttl * (1 - this.#random() / 10));
    const expiresAt = (this.#now >= 0 ? this.#now : this.#readClock()) + lifetime;
    this.#reads = (this.#reads + 1) | 0;
    const usedAt = this.#reads;
    const slot = this.#table.find(customerId, organizationId);
    if (slot === undefined) {
      // What `get` touches comes first, so that it lies in as few cache lines as can be.
      this.#table.add({
        organizationId,
        expiresAt,
        value,
        usedAt,
        customerId,
        resolvedThrough,
        next: undefined,
      });
      if (this.#table.size > this.#maxEntries) this.#evict();
      return;
    }
    if (slot.expiresAt === INVALIDATED) this.#invalidated -= 1;
    slot.value = value;
    slot.expiresAt = expiresAt;
    slot.usedAt = usedAt;
    this.#table.resolve(slot, resolvedThrough);
  }

  /** Ends the answers for this customer, under whatever organization. */
  invalidateCustomer(id: string): void {
    this.loads.invalidateCustomer(id);
    this.#invalidate(this.#table.ofCustomer(id));
  }

  /** Ends the answers for this organization and for all customers resolved through it. */
  invalidateOrganization(id: string): void {
    this.loads.invalidateOrganization(id);
    this.#invalidate(this.#table.ofOrganization(id));
  }

  /** Ends the answer for `key` alone. */
  end(key: TenantContext): void {
    const slot = this.#table.find(key.customerId, key.organizationId);
    if (slot !== undefined) this.#invalidate([slot]);
  }

  /** Ends the answers of those `concerns` names. Each step looks at a part of them: other work may go in between. */
  *invalidateWhere(concerns: (ids: TenantContext) => boolean): Generator<void> {
    let looked = 0;
    for (const slot of this.#table.all()) {
      const { customerId, organizationId, resolvedThrough = organizationId } = slot;
      if (concerns({ customerId, organizationId: resolvedThrough })) this.#invalidate([slot]);
      looked += 1;
      // Not within a customer's chain: it may be taken apart meanwhile.
      if (looked < LOOKED_AT_ONCE || slot.next !== undefined) continue;
      looked = 0;
      yield;
    }
  }

  /** Ends all answers; their values stay as last known. */
  invalidateAll(): void {
    this.loads.invalidateAll();
    this.#invalidate(this.#table.all());
  }

  /** Forgets everything. */
  clear(): void {
    this.loads.invalidateAll();
    this.#table.clear();
    this.#invalidated = 0;
  }

  countStaleAnswer(): void {
    this.#staleAnswers += 1;
  }

  getStats(): FlagCacheStats {
    const table = this.#table;
    const reads = this.#hits + this.#misses;
    return Object.freeze({
      size: table.size - this.#invalidated,
      get keys(): TenantContext[] {
        return [...table.all()]
          .filter((slot) => slot.expiresAt !== INVALIDATED)
          .map(({ customerId, organizationId }) => ({ customerId, organizationId }));
      },
      hits: this.#hits,
      misses: this.#misses,
      hitRate: reads === 0 ? 0 : this.#hits / reads,
      evictions: this.#evictions,
      staleAnswers: this.#staleAnswers,
    });
  }

  #invalidate(slots: Iterable<Slot<V>>): void {
    for (const slot of slots) {
      if (slot.expiresAt !== INVALIDATED) this.#invalidated += 1;
      slot.expiresAt = INVALIDATED;
    }
  }

  /** Drops the least recently used hundredth at once, so that a full cache pays the search once per hundred. */
  #evict(): void {
    const slots = [...this.#table.all()];
    const ages = Uint32Array.from(slots, (slot) => this.#reads - slot.usedAt).sort();
    const surplus = slots.length - this.#maxEntries + Math.floor(this.#maxEntries / 100);
    const oldest = ages[ages.length - surplus] ?? 0;
    for (const slot of slots) {
      if ((this.#reads - slot.usedAt) >>> 0 < oldest) continue;
      if (slot.expiresAt === INVALIDATED) this.#invalidated -= 1;
      this.#table.remove(slot);
      this.#evictions += 1;
    }
  }

  /** Reads the clock and lets the reading stand for one step of the resolution. */
  #readClock(): number {
    const now = Math.trunc(this.#clock.now() - this.#origin);
    if (now > TWELVE_DAYS) this.#rebase(now);
    this.#now = Math.max(0, Math.trunc(this.#clock.now() - this.#origin));
    this.#clock.setTimer(() => {
      this.#now = -1;
    }, this.#resolution);
    return this.#now;
  }

  /** Moves the origin, so that times stay small integers in a process that runs for weeks. */
  #rebase(by: number): void {
    this.#origin += by;
    for (const slot of this.#table.all()) {
      if (slot.expiresAt !== INVALIDATED) slot.expiresAt = Math.max(0, slot.expiresAt - by);
    }
  }
}

/** NaN would end no entry and bound no cache. */
function numberOr(given: number | undefined, standard: number): number {
  return given === undefined || Number.isNaN(given) ? standard : given;
}
