import { describe, expect, it } from "vitest";
import {
  type ConnectionOptions,
  StorageConnection,
  type StorageOption,
} from "../../../lib/feature-flags/core/connection.ts";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { turn } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";

const who = { customerId: "cust_1" };
const write = { flags: { plan: "gold" } };

function connected(option: StorageOption, options: ConnectionOptions = {}) {
  const clock = manualClock();
  const connection = new StorageConnection(option, { clock, random: () => 0, ...options });
  return { clock, connection };
}

/** When a promise settles, by the clock, and how. */
function timed(clock: { now(): number }, promise: Promise<unknown>) {
  const start = clock.now();
  const seen: { after: number | undefined; code: unknown; message: string } = {
    after: undefined,
    code: undefined,
    message: "",
  };
  promise.then(
    () => {
      seen.after = clock.now() - start;
    },
    (error) => {
      seen.after = clock.now() - start;
      seen.code = error.code;
      seen.message = error.message;
    },
  );
  return seen;
}

const save = (storage: FlagStorage) => storage.saveCustomerFlags("cust_1", write.flags);

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

describe("a storage that takes its time to open", () => {
  it("is waited for as long as it may take, and not longer", async () => {
    for (const [initTimeout, expected] of [
      [undefined, 3_000],
      [500, 500],
    ]) {
      const { clock, connection } = connected(() => new Promise<never>(() => {}), { initTimeout });
      const calls = [
        timed(clock, connection.readTenant(who)),
        timed(
          clock,
          connection.bulk((storage) => storage.readState()),
        ),
        timed(clock, connection.write(save)),
      ];
      await clock.advance(60_000);
      expect(calls.map(({ after, code }) => [after, code])).toEqual(
        Array.from({ length: 3 }, () => [expected, "STORAGE_UNAVAILABLE"]),
      );
    }
  });

  it("is used as soon as it is open, with the whole budget for the call itself", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    let open = (_: FlagStorage): void => {};
    const { clock, connection } = connected(
      () =>
        new Promise<FlagStorage>((resolve) => {
          open = resolve;
        }),
    );
    const seen = timed(clock, connection.readTenant(who));
    await clock.advance(2_900);
    open(outage.storage);
    await clock.advance(200);
    expect(seen.after).toBeUndefined();
    outage.letGo();
    await turn();
    expect([seen.after, seen.code]).toEqual([3_100, undefined]);
  });

  it("gets no write afterwards that was refused in the meantime", async () => {
    const memory = memoryStorage();
    let open = (_: FlagStorage): void => {};
    const { clock, connection } = connected(
      () =>
        new Promise<FlagStorage>((resolve) => {
          open = resolve;
        }),
    );
    const refused = timed(clock, connection.write(save));
    await clock.advance(3_000);
    expect([refused.after, refused.code]).toEqual([3_000, "STORAGE_UNAVAILABLE"]);
    expect(refused.message).not.toContain("may have been made");
    open(memory);
    await clock.advance(60_000);
    expect((await memory.readState()).revision).toBe(0);
    await connection.write(save);
    expect((await memory.readState()).revision).toBe(1);
  });

  it("is opened once, and found by the probe when it is open at last", async () => {
    let attempts = 0;
    let open = (_: FlagStorage): void => {};
    const { clock, connection } = connected(() => {
      attempts += 1;
      return new Promise<FlagStorage>((resolve) => {
        open = resolve;
      });
    });
    const reads = Array.from({ length: 3 }, () => timed(clock, connection.readTenant(who)));
    await clock.advance(20_000);
    expect([connection.lost?.code, attempts]).toEqual(["STORAGE_UNAVAILABLE", 1]);
    expect(reads.every(({ code }) => code === "STORAGE_UNAVAILABLE")).toBe(true);
    open(memoryStorage());
    await clock.advance(4_000);
    expect([connection.lost, attempts]).toEqual([undefined, 1]);
    await expect(connection.readTenant(who)).resolves.toMatchObject({ revision: 0 });
  });
});

describe("a storage that cannot be opened", () => {
  it.each([1, 2, 3, 5, 10])("is opened again, until it can be after %i failures", async (failures) => {
    let attempts = 0;
    const { clock, connection } = connected(async () => {
      attempts += 1;
      if (attempts <= failures) throw new Error("connection refused");
      return memoryStorage();
    });
    const read = () =>
      connection.readTenant(who).then(
        () => "answered",
        () => "refused",
      );
    let longest = 0;
    while ((await read()) === "refused") {
      await clock.advance(100);
      longest += 100;
    }
    expect(attempts).toBe(failures + 1);
    expect(longest).toBeLessThan(failures * 4_000);
    expect(connection.lost).toBeUndefined();
  });

  it("is not opened once per call while it is lost", async () => {
    let attempts = 0;
    const { clock, connection } = connected(async () => {
      attempts += 1;
      throw new Error("connection refused");
    });
    for (let call = 0; call < 1_000; call += 1) await connection.readTenant(who).catch(() => {});
    expect(attempts).toBe(3);
    await clock.advance(60_000);
    expect(attempts).toBeLessThan(3 + 35);
  });
});

describe("closing", () => {
  it("waits for a storage that is being opened, and closes it", async () => {
    const memory = memoryStorage();
    let open = (_: FlagStorage): void => {};
    const { clock, connection } = connected(
      () =>
        new Promise<FlagStorage>((resolve) => {
          open = resolve;
        }),
    );
    const read = timed(clock, connection.readTenant(who));
    await turn();
    const closing = connection.close();
    open(memory);
    await closing;
    await turn();
    expect(read.code).toBe("CLOSED");
    await expect(memory.readState()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("is bounded in time where opening hangs, and what is opened after all is closed then", async () => {
    const memory = memoryStorage();
    let open = (_: FlagStorage): void => {};
    const { clock, connection } = connected(
      () =>
        new Promise<FlagStorage>((resolve) => {
          open = resolve;
        }),
    );
    timed(clock, connection.readTenant(who));
    await turn();
    const closing = timed(clock, connection.close());
    await clock.advance(60_000);
    expect([closing.after, closing.code]).toEqual([10_000, "STORAGE_UNAVAILABLE"]);
    expect(clock.timers()).toBe(0);
    open(memory);
    await turn();
    await expect(memory.readState()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("is bounded in time where the storage hangs in closing, and says so", async () => {
    const { clock, connection } = connected(async () => ({
      ...memoryStorage(),
      close: () => new Promise<never>(() => {}),
    }));
    await connection.readTenant(who);
    const closing = timed(clock, connection.close());
    await clock.advance(10_000);
    expect([closing.after, closing.code]).toEqual([10_000, "STORAGE_UNAVAILABLE"]);
  });

  it("of a storage that could not be opened has nothing to do", async () => {
    const { clock, connection } = connected(async () => {
      throw new Error("connection refused");
    });
    await connection.readTenant(who).catch(() => {});
    await connection.close();
    expect(clock.timers()).toBe(0);
  });

  it("ends the probing of a lost storage", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "down";
    const { clock, connection } = connected(outage.storage);
    for (let call = 0; call < 3; call += 1) await connection.readTenant(who).catch(() => {});
    expect(clock.timers()).toBe(1);
    await connection.close();
    expect(clock.timers()).toBe(0);
    await expect(connection.readTenant(who)).rejects.toMatchObject({ code: "CLOSED" });
  });
});
