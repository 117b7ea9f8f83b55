import type { StorageConnection } from "./connection.ts";
import type { TenantSnapshot } from "./snapshot.ts";
import type { FeedEvent, StorageState, StoredOverride, TenantRef, TenantState } from "./storage.ts";
import type { TenantContext } from "./types.ts";

const PAGE = 5_000;

interface Contents {
  readonly customers: Map<string, StoredOverride>;
  readonly organizations: Map<string, StoredOverride>;
  /** Which organization a registered customer belongs to. */
  readonly memberships: Map<string, string>;
}

/** All overrides and memberships in memory. Taken whole or not at all; kept current by the feed. */
export class TenantImage {
  readonly #connection: StorageConnection;
  #contents: Contents | undefined;
  /** What is being loaded: changes made meanwhile have to reach it, or the swap would undo them for a while. */
  readonly #incoming = new Set<Contents>();
  #state: StorageState | undefined;

  constructor(connection: StorageConnection) {
    this.#connection = connection;
  }

  /** What storage would answer; undefined until loaded. */
  read({ customerId, organizationId }: TenantContext): TenantState | undefined {
    if (this.#contents === undefined || this.#state === undefined) return undefined;
    const { customers, organizations, memberships } = this.#contents;
    const through = organizationId ?? (customerId === undefined ? undefined : memberships.get(customerId));
    return {
      customer: customerId === undefined ? undefined : customers.get(customerId),
      organization: through === undefined ? undefined : organizations.get(through),
      organizationId: through,
      revision: this.#state.revision,
      epoch: this.#state.epoch,
    };
  }

  /** Reads everything and swaps it in. Resolves with the state from which the feed has to go on. */
  async load(): Promise<StorageState> {
    const state = await this.#connection.read((storage) => storage.readState());
    const contents: Contents = { customers: new Map(), organizations: new Map(), memberships: new Map() };
    this.#incoming.add(contents);
    try {
      await readOverrides(this.#connection, contents, state.revision);
      await readMemberships(this.#connection, contents);
      this.#contents = contents;
    } finally {
      this.#incoming.delete(contents);
    }
    this.#state = state;
    return state;
  }

  /** Reads anew what the events say has changed, in one batch. */
  async refresh(events: readonly FeedEvent[], state: StorageState): Promise<void> {
    if (this.#contents === undefined) return;
    if (events.some((event) => event.scope === "everything")) {
      await this.load();
      return;
    }
    const tenants = changedTenants(events);
    const ids = tenants.filter((tenant) => tenant.kind === "customer").map((tenant) => tenant.id);
    const [overrides, registered] = await this.#connection.bulk(
      async (storage) =>
        [
          tenants.length === 0 ? [] : await storage.readOverrides(tenants),
          ids.length === 0 ? [] : await storage.readCustomers(ids),
        ] as const,
    );
    for (const override of overrides) this.put(override.tenant, override);
    for (const { id, organizationId } of registered) {
      if (organizationId === undefined) this.#contents.memberships.delete(id);
      else this.#contents.memberships.set(id, organizationId);
    }
    // Loading may have got further than the feed, which follows page by page: answers never go back.
    if (this.#state?.epoch !== state.epoch || this.#state.revision < state.revision) this.#state = state;
  }

  /** Puts one override in, unless a later one is there already. */
  put(tenant: TenantRef, override: StoredOverride): void {
    if (this.#contents !== undefined) putInto(this.#contents, tenant, override);
    for (const contents of this.#incoming) putInto(contents, tenant, override);
  }

  /** Everything held, to be kept for a start without storage; undefined until loaded. */
  snapshot(takenAt: number): TenantSnapshot | undefined {
    if (this.#contents === undefined || this.#state === undefined) return undefined;
    const { customers, organizations, memberships } = this.#contents;
    const overrides = [
      ...Array.from(customers, ([id, override]) => ({
        ...override,
        tenant: { kind: "customer", id } as const,
      })),
      ...Array.from(organizations, ([id, override]) => ({
        ...override,
        tenant: { kind: "organization", id } as const,
      })),
    ];
    return { ...this.#state, takenAt, overrides, memberships: [...memberships] };
  }

  /** Takes a snapshot's contents for its own. */
  restore({ epoch, revision, overrides, memberships }: TenantSnapshot): void {
    this.#contents = { customers: new Map(), organizations: new Map(), memberships: new Map(memberships) };
    this.#state = { epoch, revision };
    for (const override of overrides) this.put(override.tenant, override);
  }

  get size(): number {
    return (this.#contents?.customers.size ?? 0) + (this.#contents?.organizations.size ?? 0);
  }
}

function putInto(contents: Contents, tenant: TenantRef, override: StoredOverride): void {
  const into = tenant.kind === "customer" ? contents.customers : contents.organizations;
  const held = into.get(tenant.id);
  if (held === undefined || held.revision <= override.revision) into.set(tenant.id, override);
}

function changedTenants(events: readonly FeedEvent[]): TenantRef[] {
  const seen = new Map<string, TenantRef>();
  for (const { scope, id } of events) {
    if (id === undefined || (scope !== "customer" && scope !== "organization")) continue;
    seen.set(`${scope}:${id}`, { kind: scope, id });
  }
  return [...seen.values()];
}

/**
 * No row counts as newer than the state from which the feed goes on. One that claims to be, damaged by hand, would
 * keep every later write of its tenant out.
 */
async function readOverrides(connection: StorageConnection, into: Contents, newest: number): Promise<void> {
  let after: TenantRef | undefined;
  do {
    const from = after;
    const page = await connection.bulk((storage) => storage.listOverrides({ after: from, limit: PAGE }));
    for (const { tenant, ...override } of page.overrides) {
      putInto(into, tenant, { ...override, revision: Math.min(override.revision, newest) });
    }
    after = page.next;
  } while (after !== undefined);
}

async function readMemberships(connection: StorageConnection, into: Contents): Promise<void> {
  let after: string | undefined;
  do {
    const from = after;
    const customers = await connection.bulk((storage) => storage.listCustomers({ after: from, limit: PAGE }));
    for (const { id, organizationId } of customers) {
      if (organizationId !== undefined) into.memberships.set(id, organizationId);
    }
    after = customers.length < PAGE ? undefined : customers.at(-1)?.id;
  } while (after !== undefined);
}
