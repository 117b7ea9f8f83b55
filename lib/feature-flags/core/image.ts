import type { StorageConnection } from "./connection.ts";
import type { TenantSnapshot } from "./snapshot.ts";
import type {
  FeedEvent,
  StorageState,
  StoredOverride,
  StoredRollout,
  TenantRef,
  TenantState,
} from "./storage.ts";
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
  #changes = 0;

  constructor(connection: StorageConnection) {
    this.#connection = connection;
  }

  /** The revision up to which everything is held; undefined until loaded. */
  get state(): StorageState | undefined {
    return this.#state;
  }

  /** Goes up whenever anything held here, or the state it is of, may have become another. */
  get changes(): number {
    return this.#changes;
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

  /**
   * Reads everything and swaps it in, once `together` has brought what is to be current with it. Resolves with the
   * state from which the feed has to go on.
   */
  async load(together?: () => Promise<void>): Promise<StorageState> {
    const state = await this.#connection.read((storage) => storage.readState());
    const contents: Contents = { customers: new Map(), organizations: new Map(), memberships: new Map() };
    this.#incoming.add(contents);
    try {
      await readOverrides(this.#connection, contents, state.revision);
      await readMemberships(this.#connection, contents);
      await together?.();
      this.#contents = contents;
    } finally {
      this.#incoming.delete(contents);
    }
    this.#state = state;
    this.#changes += 1;
    return state;
  }

  /** Reads anew what the events say has changed, in one batch; swaps it in as `load` does. */
  async refresh(
    events: readonly FeedEvent[],
    state: StorageState,
    together?: () => Promise<void>,
  ): Promise<void> {
    if (this.#contents === undefined) return await together?.();
    if (events.some((event) => event.scope === "everything")) {
      await this.load(together);
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
    await together?.();
    for (const override of overrides) this.put(override.tenant, override);
    for (const { id, organizationId } of registered) {
      if (organizationId === undefined) this.#contents.memberships.delete(id);
      else this.#contents.memberships.set(id, organizationId);
    }
    this.#changes += 1;
    // Loading may have got further than the feed, which follows page by page: answers never go back.
    if (this.#state?.epoch !== state.epoch || this.#state.revision < state.revision) this.#state = state;
  }

  /** Puts one override in, unless a later one is there already. */
  put(tenant: TenantRef, override: StoredOverride): void {
    this.#changes += 1;
    if (this.#contents !== undefined) putInto(this.#contents, tenant, override);
    for (const contents of this.#incoming) putInto(contents, tenant, override);
  }

  /** Everything held, to be kept for a start without storage; undefined until loaded. No row is newer than it. */
  snapshot(takenAt: number, stored: readonly StoredRollout[]): TenantSnapshot | undefined {
    if (this.#contents === undefined || this.#state === undefined) return undefined;
    const { customers, organizations, memberships } = this.#contents;
    const { revision: newest } = this.#state;
    const overridesOf = (kind: TenantRef["kind"], held: ReadonlyMap<string, StoredOverride>) =>
      Array.from(held, ([id, override]) => ({ ...notAfter(newest, override), tenant: { kind, id } }));
    return {
      ...this.#state,
      takenAt,
      overrides: [...overridesOf("customer", customers), ...overridesOf("organization", organizations)],
      memberships: [...memberships],
      rollouts: stored.map((rollout) => notAfter(newest, rollout)),
    };
  }

  /** Takes a snapshot's contents for its own. */
  restore({ epoch, revision, overrides, memberships }: TenantSnapshot): void {
    this.#contents = { customers: new Map(), organizations: new Map(), memberships: new Map(memberships) };
    this.#state = { epoch, revision };
    this.#changes += 1;
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
 * No row counts as newer than the state it is read with. One that claims to be, damaged by hand, would keep every later
 * write of its tenant out.
 */
function notAfter<Row extends { readonly revision: number }>(newest: number, row: Row): Row {
  return row.revision <= newest ? row : { ...row, revision: newest };
}

async function readOverrides(connection: StorageConnection, into: Contents, newest: number): Promise<void> {
  let after: TenantRef | undefined;
  do {
    const from = after;
    const page = await connection.bulk((storage) => storage.listOverrides({ after: from, limit: PAGE }));
    for (const { tenant, ...override } of page.overrides) {
      putInto(into, tenant, notAfter(newest, override));
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
