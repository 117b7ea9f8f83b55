import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { turn } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";
import { connected, heldOpening, timed } from "../timed-calls.ts";

const who = { customerId: "cust_1" };
const save = (storage: FlagStorage) => storage.saveCustomerFlags("cust_1", { plan: "gold" });

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

  it("is waited for by those who come later no longer than by the first, and by the next not at all", async () => {
    const { clock, connection } = connected(heldOpening().option);
    const first = timed(clock, connection.readTenant(who));
    await clock.advance(2_900);
    const later = timed(clock, connection.readTenant(who));
    await clock.advance(100);
    expect([first.after, later.after]).toEqual([3_000, 100]);
    expect(connection.lost).toBeUndefined();
    const next = timed(clock, connection.readTenant(who));
    await turn();
    expect([next.after, next.code]).toEqual([0, "STORAGE_UNAVAILABLE"]);
  });

  it("is used as soon as it is open, with the whole budget for the call itself", async () => {
    const outage = outageStorage(memoryStorage());
    outage.mode = "hanging";
    const opening = heldOpening();
    const { clock, connection } = connected(opening.option);
    const seen = timed(clock, connection.readTenant(who));
    await clock.advance(2_900);
    opening.open(outage.storage);
    await clock.advance(200);
    expect(seen.after).toBeUndefined();
    outage.letGo();
    await turn();
    expect([seen.after, seen.code]).toEqual([3_100, undefined]);
  });

  it("gets no write afterwards that was refused in the meantime", async () => {
    const memory = memoryStorage();
    const opening = heldOpening();
    const { clock, connection } = connected(opening.option);
    const refused = timed(clock, connection.write(save));
    await clock.advance(3_000);
    expect([refused.after, refused.code]).toEqual([3_000, "STORAGE_UNAVAILABLE"]);
    expect(refused.message).not.toContain("may have been made");
    opening.open(memory);
    await clock.advance(60_000);
    expect((await memory.readState()).revision).toBe(0);
    await connection.write(save);
    expect((await memory.readState()).revision).toBe(1);
  });

  it("is opened once, and found by the probe when it is open at last", async () => {
    const opening = heldOpening();
    const { clock, connection } = connected(opening.option);
    const reads = Array.from({ length: 3 }, () => timed(clock, connection.readTenant(who)));
    await clock.advance(20_000);
    expect([connection.lost?.code, opening.attempts]).toEqual(["STORAGE_UNAVAILABLE", 1]);
    expect(reads.every(({ code }) => code === "STORAGE_UNAVAILABLE")).toBe(true);
    opening.open(memoryStorage());
    await clock.advance(4_000);
    expect([connection.lost, opening.attempts]).toEqual([undefined, 1]);
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
    const opening = heldOpening();
    const { clock, connection } = connected(opening.option);
    const read = timed(clock, connection.readTenant(who));
    await turn();
    const closing = connection.close();
    opening.open(memory);
    await closing;
    await turn();
    expect(read.code).toBe("CLOSED");
    await expect(memory.readState()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("is bounded in time where opening hangs, and what is opened after all is closed then", async () => {
    const memory = memoryStorage();
    const opening = heldOpening();
    const { clock, connection } = connected(opening.option);
    timed(clock, connection.readTenant(who));
    await turn();
    const closing = timed(clock, connection.close());
    await clock.advance(60_000);
    expect([closing.after, closing.code]).toEqual([10_000, "STORAGE_UNAVAILABLE"]);
    expect(clock.timers()).toBe(0);
    opening.open(memory);
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
