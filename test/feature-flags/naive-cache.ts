import type { TenantContext } from "../../lib/feature-flags/core/types.ts";

interface Entry {
  readonly customerId: string | undefined;
  readonly organizationId: string | undefined;
  through: string | undefined;
  value: number;
  expiresAt: number;
  isInvalid: boolean;
}

/** What a cache of flags means, in the plainest words: a list of entries, the least recently used first. */
export class NaiveCache {
  readonly #ttl: number;
  readonly #maxEntries: number;
  #entries: Entry[] = [];
  now = 0;
  hits = 0;
  misses = 0;
  evictions = 0;

  constructor(ttl: number, maxEntries: number) {
    this.#ttl = ttl;
    this.#maxEntries = maxEntries;
  }

  get(key: TenantContext): number | undefined {
    const entry = this.#find(key);
    if (entry === undefined || entry.isInvalid || entry.expiresAt <= this.now) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    this.#use(entry);
    return entry.value;
  }

  lastKnown(key: TenantContext): number | undefined {
    return this.#find(key)?.value;
  }

  set({ customerId, organizationId }: TenantContext, value: number, through = organizationId): void {
    const expiresAt = this.now + this.#ttl;
    const entry = { customerId, organizationId, through, value, expiresAt, isInvalid: false };
    const old = this.#find(entry);
    this.#entries = [...this.#entries.filter((other) => other !== old), entry];
    if (this.#entries.length > this.#maxEntries) {
      const surplus = this.#entries.length - this.#maxEntries + Math.floor(this.#maxEntries / 100);
      this.#entries = this.#entries.slice(surplus);
      this.evictions += surplus;
    }
  }

  invalidateCustomer(id: string): void {
    for (const entry of this.#entries) if (entry.customerId === id) entry.isInvalid = true;
  }

  invalidateOrganization(id: string): void {
    for (const entry of this.#entries) if (entry.through === id) entry.isInvalid = true;
  }

  invalidateAll(): void {
    for (const entry of this.#entries) entry.isInvalid = true;
  }

  clear(): void {
    this.#entries = [];
  }

  keys(): readonly TenantContext[] {
    return this.#entries
      .filter((entry) => !entry.isInvalid)
      .map(({ customerId, organizationId }) => ({ customerId, organizationId }));
  }

  #find({ customerId, organizationId }: TenantContext): Entry | undefined {
    return this.#entries.find(
      (entry) => entry.customerId === customerId && entry.organizationId === organizationId,
    );
  }

  #use(entry: Entry): void {
    this.#entries = [...this.#entries.filter((other) => other !== entry), entry];
  }
}
