import { describe, expect, it } from "vitest";
import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { TenantImage } from "../../../lib/feature-flags/core/image.ts";
import type { FlagStorage } from "../../../lib/feature-flags/core/storage.ts";
import type { TenantSnapshot } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { outageStorage } from "../outage-storage.ts";
import { snapshotOf, snapshotStore } from "../snapshot-store.ts";
import { storeRollout } from "../stored-rollouts.ts";
import { keeping, rolloutsOf } from "./kept-snapshots.ts";

type Reading = "listOverrides" | "listRollouts" | "changesSince";

/** A storage in which something happens between taking an answer and giving it: each time the next of its list. */
function meanwhile(
  from: FlagStorage,
  happens: { readonly [name in Reading]?: (() => Promise<unknown>)[] },
): FlagStorage {
  const late = async <Answer>(name: Reading, answer: Promise<Answer>): Promise<Answer> => {
    const taken = await answer;
    await happens[name]?.shift()?.();
    return taken;
  };
  return {
    ...from,
    listOverrides: (page) => late("listOverrides", from.listOverrides(page)),
    listRollouts: () => late("listRollouts", from.listRollouts()),
    changesSince: (revision, limit) => late("changesSince", from.changesSince(revision, limit)),
  };
}

describe("the moment that is kept", () => {
  const revisions = ({ overrides, rollouts }: TenantSnapshot) =>
    [...overrides, ...rollouts].map(({ revision }) => revision);

  it("holds the changes made while pages were read, and its revision covers every row", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "early" });
    const storage = meanwhile(memory, {
      listOverrides: [
        async () => {
          await memory.saveCustomerFlags("cust_1", { plan: "during the overrides" });
          await memory.registerCustomers([{ id: "member", organizationId: "org_1" }]);
        },
      ],
      changesSince: [
        () => memory.saveOrganizationFlags("org_1", { plan: "during the look" }),
        () => storeRollout(memory),
        () => memory.registerCustomers([{ id: "member", organizationId: "org_2" }]),
      ],
    });
    const connection = new StorageConnection(storage);
    const { lastGood } = keeping(store, {
      ...{ connection, rollouts: rolloutsOf(connection), state: () => ({ epoch: "e", revision: 1 }) },
    });
    await lastGood.keep();
    const [snapshot = snapshotOf("none")] = store.written;
    expect(snapshot).toMatchObject(await memory.readState());
    expect(snapshot.overrides.map(({ flags }) => flags)).toEqual([
      { plan: "during the overrides" },
      { plan: "during the look" },
    ]);
    expect(snapshot.memberships).toEqual([["member", "org_2"]]);
    expect(snapshot.rollouts).toEqual((await memory.listRollouts()).rollouts);
    expect(Math.max(...revisions(snapshot))).toBeLessThanOrEqual(snapshot.revision);
    expect(new Set(revisions(snapshot)).size).toBe(3);
    await lastGood.close();
  });

  it("has the rollouts of its own revision, though they are changed right after they were read", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    await storeRollout(memory);
    const storage = meanwhile(memory, {
      listRollouts: [() => storeRollout(memory, { status: "paused" })],
    });
    const connection = new StorageConnection(storage);
    const { lastGood } = keeping(store, {
      ...{ connection, rollouts: rolloutsOf(connection), state: () => ({ epoch: "e", revision: 1 }) },
    });
    await lastGood.keep();
    expect(store.written).toMatchObject([{ revision: 2, rollouts: [{ version: 2, revision: 2 }] }]);
    await lastGood.close();
  });

  it("is read anew where the database was restored meanwhile", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    await memory.saveCustomerFlags("cust_1", { plan: "before" });
    const other = memoryStorage();
    await other.saveCustomerFlags("cust_1", { plan: "restored" });
    const outage = outageStorage(memory);
    let current: FlagStorage = outage.storage;
    const storage: FlagStorage = {
      ...outage.storage,
      readState: () => current.readState(),
      listOverrides: (page) => current.listOverrides(page),
      listCustomers: async (filter) => {
        const answer = await current.listCustomers(filter);
        current = other;
        return answer;
      },
      listRollouts: () => current.listRollouts(),
      changesSince: (revision, limit) => current.changesSince(revision, limit),
    };
    const connection = new StorageConnection(storage);
    const { lastGood } = keeping(store, {
      ...{ connection, rollouts: rolloutsOf(connection), state: () => ({ epoch: "e", revision: 1 }) },
    });
    await lastGood.keep();
    const { epoch } = await other.readState();
    expect(store.written).toMatchObject([{ epoch, overrides: [{ flags: { plan: "restored" } }] }]);
    await lastGood.close();
  });

  it("waits with everything in memory until the feed has brought what is there ahead of it", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    const connection = new StorageConnection(memory);
    const image = new TenantImage(connection);
    const reached = { state: await image.load() };
    const looks: number[] = [];
    const { lastGood } = keeping(store, {
      ...{ connection, image, rollouts: rolloutsOf(connection), state: () => reached.state },
      catchUp: async () => {
        looks.push(reached.state.revision);
        if (looks.length === 1) {
          // A write made here is in memory before the feed has it.
          const { revision = 0 } = await memory.saveCustomerFlags("cust_1", { plan: "own" });
          const [row] = (await memory.listOverrides({ limit: 1 })).overrides;
          if (row !== undefined) image.put(row.tenant, row);
          expect(revision).toBe(1);
        }
        if (looks.length === 2) {
          const { events, epoch, revision } = await memory.changesSince(0, 10);
          await image.refresh(events, { epoch, revision });
          reached.state = { epoch, revision };
        }
      },
    });
    await lastGood.keep();
    expect(looks).toEqual([0, 0, 1]);
    expect(store.written).toMatchObject([{ revision: 1, overrides: [{ revision: 1 }] }]);
    await lastGood.close();
  });

  it("is given up where changes never cease, and told", async () => {
    const store = snapshotStore();
    const memory = memoryStorage();
    let changes = 0;
    const always = async (revision: number, limit: number) => {
      changes += 1;
      await memory.saveCustomerFlags("cust_1", { plan: String(changes) });
      return await memory.changesSince(revision, limit);
    };
    const connection = new StorageConnection({ ...memory, changesSince: always });
    const { lastGood } = keeping(store, {
      ...{ connection, rollouts: rolloutsOf(connection), state: () => ({ epoch: "e", revision: 1 }) },
    });
    await expect(lastGood.keep()).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(store.written).toEqual([]);
    await lastGood.close();
  });

  it("counts no row as newer than itself, not even one that was damaged by hand", async () => {
    const image = new TenantImage(new StorageConnection(memoryStorage()));
    await image.load();
    const row = { version: 1, revision: 2 ** 40, updatedAt: 0, updatedBy: undefined };
    image.put({ kind: "customer", id: "cust_1" }, { ...row, flags: {} });
    const snapshot = image.snapshot(0, [{ ...row, featureName: "search", rollout: {} }]);
    expect(snapshot).toMatchObject({
      revision: 0,
      overrides: [{ revision: 0 }],
      rollouts: [{ revision: 0 }],
    });
  });
});
