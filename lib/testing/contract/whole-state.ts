import assert from "node:assert/strict";
import type { FeedEvent, FlagStorage, TenantOverride, TenantRef } from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent } from "../../feature-flags/core/types.ts";

/** Everything a storage tells, to compare before with after. */
export async function wholeState(storage: FlagStorage): Promise<Readonly<Record<string, unknown>>> {
  return {
    state: await storage.readState(),
    feed: await wholeFeed(storage),
    overrides: await allOverrides(storage),
    rollouts: await storage.listRollouts(),
    changes: await allChanges(storage),
    organizations: await storage.listOrganizations({ limit: 10_000 }),
    customers: await storage.listCustomers({ limit: 10_000 }),
    tenants: await storage.countTenants(),
  };
}

export async function allOverrides(storage: FlagStorage, limit = 1_000): Promise<TenantOverride[]> {
  const all: TenantOverride[] = [];
  let after: TenantRef | undefined;
  do {
    const page = await storage.listOverrides({ after, limit });
    all.push(...page.overrides);
    assert.ok(page.next === undefined || page.overrides.length > 0, "A page that leads on must not be empty");
    assert.notDeepEqual(page.next, after ?? {}, "A page must not lead back to itself");
    after = page.next;
  } while (after !== undefined);
  return all;
}

/** The audit trail, newest first. */
export async function allChanges(storage: FlagStorage, limit = 1_000): Promise<FlagChangeEvent[]> {
  const all: FlagChangeEvent[] = [];
  for (;;) {
    const page = await storage.listChanges({ before: all.at(-1), limit });
    all.push(...page);
    if (page.length < limit) return all;
  }
}

export async function wholeFeed(storage: FlagStorage, limit = 1_000): Promise<FeedEvent[]> {
  const all: FeedEvent[] = [];
  for (;;) {
    const { events } = await storage.changesSince(all.at(-1)?.revision ?? 0, limit);
    all.push(...events);
    if (events.length < limit) return all;
  }
}
