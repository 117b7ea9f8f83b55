import { describe, expect, it } from "vitest";
import type { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { turn } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";
import { connected, timed } from "../timed-calls.ts";

const who = { customerId: "cust_1" };
const save = (storage: FlagStorage) => storage.saveCustomerFlags("cust_1", { plan: "gold" });

describe("a storage that hangs", () => {
  it("is given each kind of call's own time, and no more", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const times = [];
    for (const call of [
      (connection: StorageConnection) => connection.readTenant(who),
      (connection: StorageConnection) => connection.read((storage) => storage.readState()),
      (connection: StorageConnection) => connection.write(save),
      (connection: StorageConnection) => connection.bulk((storage) => storage.listOverrides({ limit: 1 })),
    ]) {
      const { clock, connection } = connected(outage.storage);
      const seen = timed(clock, call(connection));
      await clock.advance(60_000);
      expect(seen.code).toBe("STORAGE_UNAVAILABLE");
      times.push(seen.after);
    }
    expect(times).toEqual([250, 2_000, 10_000, 30_000]);
  });

  it("says of a late write, and of nothing else, that it may have been made", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const { clock, connection } = connected(outage.storage);
    const late = timed(clock, connection.write(save));
    const read = timed(
      clock,
      connection.read((storage) => storage.readState()),
    );
    await clock.advance(10_000);
    expect(late.message).toContain("may have been made");
    expect(read.message).not.toContain("may have been made");
  });

  it("once lost, is waited for by nobody any more but by writes under way, whose end is not known", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const { clock, connection } = connected(outage.storage);
    const bulk = timed(
      clock,
      connection.bulk((storage) => storage.listOverrides({ limit: 1 })),
    );
    const writing = timed(clock, connection.write(save));
    const reads = Array.from({ length: 3 }, () => timed(clock, connection.readTenant(who)));
    await clock.advance(250);
    expect([bulk.after, ...reads.map(({ after }) => after)]).toEqual([250, 250, 250, 250]);
    expect(writing.after).toBeUndefined();
    outage.letGo();
    await turn();
    expect([writing.after, writing.code]).toEqual([250, undefined]);
  });

  it("once lost, keeps nobody in the queue", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const { clock, connection } = connected(outage.storage, { loadsAtOnce: 3 });
    const early = [timed(clock, connection.readTenant(who)), timed(clock, connection.readTenant(who))];
    await clock.advance(100);
    const later = Array.from({ length: 500 }, () => timed(clock, connection.readTenant(who)));
    await clock.advance(250);
    expect(early.map(({ after }) => after)).toEqual([250, 250]);
    expect(later.every(({ after }) => after !== undefined && after <= 250)).toBe(true);
    expect(connection.lost?.code).toBe("STORAGE_UNAVAILABLE");
    const now = timed(clock, connection.readTenant(who));
    await turn();
    expect([now.after, now.code]).toEqual([0, "STORAGE_UNAVAILABLE"]);
  });

  it("is read for a bounded number of tenants at a time, the first to come first", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const { connection } = connected(outage.storage);
    const reads = Array.from({ length: 100 }, () => connection.readTenant(who));
    await turn();
    expect(outage.calls).toHaveLength(16);
    outage.mode = "up";
    outage.letGo();
    await Promise.all(reads);
    expect(outage.calls).toHaveLength(100);
  });
});
