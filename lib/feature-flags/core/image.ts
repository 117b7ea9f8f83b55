import type { StorageConnection } from "./connection.ts";
import type {
  FeedEvent,
  FlagStorage,
  StorageState,
  StoredOverride,
  TenantRecord,
  TenantRef,
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
  #state: StorageState | undefined;

  constructor(connection: StorageConnection) {
    this.#connection = connection;
  }

  /** What storage would answer; undefined until loaded. */
  read({ customerId, organizationId }: TenantContext): TenantRecord | undefined {
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
    const storage = await this.#connection.open();
    const state = await storage.readState();
    const contents: Contents = { customers: new Map(), organizations: new Map(), memberships: new Map() };
    await readOverrides(storage, contents);
    await readMemberships(storage, contents);
    this.#contents = contents;
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
    const storage = await this.#connection.open();
    const overrides = tenants.length === 0 ? [] : await storage.readOverrides(tenants);
    const registered = ids.length === 0 ? [] : await storage.readCustomers(ids);
    for (const override of overrides) this.put(override.tenant, override);
    for (const { id, organizationId } of registered) {
      if (organizationId === undefined) this.#contents.memberships.delete(id);
      else this.#contents.memberships.set(id, organizationId);
    }
    this.#state = state;
  }

  /** Puts one override in, unless a later one is there already. */
  put(tenant: TenantRef, override: StoredOverride): void {
    if (this.#contents === undefined) return;
    const { customers, organizations } = this.#contents;
    const into = tenant.kind === "customer" ? customers : organizations;
    if ((into.get(tenant.id)?.revision ?? -1) <= override.revision) into.set(tenant.id, override);
  }

  get size(): number {
    return (this.#contents?.customers.size ?? 0) + (this.#contents?.organizations.size ?? 0);
  }
}

function changedTenants(events: readonly FeedEvent[]): TenantRef[] {
  const seen = new Map<string, TenantRef>();
  for (const { scope, id } of events) {
    if (scope !== "everything" && id !== undefined) seen.set(`${scope}:${id}`, { kind: scope, id });
  }
  return [...seen.values()];
}

async function readOverrides(storage: FlagStorage, into: Contents): Promise<void> {
  let after: TenantRef | undefined;
  do {
    const page = await storage.listOverrides({ after, limit: PAGE });
    for (const { tenant, ...override } of page.overrides) {
      (tenant.kind === "customer" ? into.customers : into.organizations).set(tenant.id, override);
    }
    after = page.next;
  } while (after !== undefined);
}

async function readMemberships(storage: FlagStorage, into: Contents): Promise<void> {
  let after: string | undefined;
  do {
    const customers = await storage.listCustomers({ after, limit: PAGE });
    for (const { id, organizationId } of customers) {
      if (organizationId !== undefined) into.memberships.set(id, organizationId);
    }
    after = customers.length < PAGE ? undefined : customers.at(-1)?.id;
  } while (after !== undefined);
}
