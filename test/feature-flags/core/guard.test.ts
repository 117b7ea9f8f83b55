import { describe, expect, it } from "vitest";
import { FlagError } from "../../../lib/feature-flags/core/errors.ts";
import { BUDGET, guarded, never, unavailable } from "../guarded-calls.ts";
import { turn } from "../held-storage.ts";

describe("a call", () => {
  it("is given its budget and no more, and leaves no timer behind", async () => {
    const { clock, outcome } = guarded();
    const late = outcome(never);
    await clock.advance(BUDGET - 1);
    expect(await Promise.race([late, turn().then(() => "waiting")])).toBe("waiting");
    await clock.advance(1);
    expect(await late).toBe("STORAGE_UNAVAILABLE");
    expect(await outcome(async () => "an answer")).toBe("an answer");
    expect(clock.timers()).toBe(0);
  });

  it("that fails or throws has its own error, with the cause kept", async () => {
    const { run } = guarded();
    const cause = new Error("ECONNRESET");
    await expect(run(() => Promise.reject(cause))).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      cause,
    });
    const conflict = new FlagError("VERSION_CONFLICT", "It is at version 2.");
    await expect(run(() => Promise.reject(conflict))).rejects.toBe(conflict);
  });

  it("that is late says what being late means", async () => {
    const { clock, guard } = guarded();
    const late = guard.run(never, BUDGET, "Read before you write again.").catch((error: unknown) => error);
    await clock.advance(BUDGET);
    expect(await late).toMatchObject({ message: expect.stringContaining("Read before you write again.") });
  });

  it("that fails after its budget is nobody's business any more", async () => {
    const { clock, outcome } = guarded();
    let fail = (): void => {};
    const late = outcome(
      () =>
        new Promise((_, reject) => {
          fail = () => reject(new Error("long after"));
        }),
    );
    await clock.advance(BUDGET);
    expect(await late).toBe("STORAGE_UNAVAILABLE");
    fail();
    await turn();
  });
});

describe("the circuit", () => {
  it("opens after three failures in a row, and not before", async () => {
    const { guard, told, outcome } = guarded();
    await outcome(unavailable);
    await outcome(unavailable);
    await outcome(async () => "an answer");
    await outcome(unavailable);
    await outcome(unavailable);
    expect([guard.lost, told.lost]).toEqual([undefined, []]);
    await outcome(unavailable);
    expect(guard.lost?.code).toBe("STORAGE_UNAVAILABLE");
    expect(told.lost.map(({ message }) => message)).toEqual(["The connection was reset."]);
  });

  it("opens for calls that hang as for calls that fail", async () => {
    const { clock, guard, outcome } = guarded();
    const calls = [outcome(never), outcome(never), outcome(never)];
    await clock.advance(BUDGET);
    await Promise.all(calls);
    expect(guard.lost?.code).toBe("STORAGE_UNAVAILABLE");
  });

  it.each([
    "VERSION_CONFLICT",
    "RULE_VIOLATED",
    "NOT_FOUND",
    "READ_ONLY",
    "STORAGE_FULL",
    "AUDIT_UNAVAILABLE",
  ] as const)("stays closed for %s, which is an answer, and breaks a row of failures", async (code) => {
    const { guard, told, outcome } = guarded();
    const answer = () => Promise.reject(new FlagError(code, "So it is."));
    for (let call = 0; call < 10; call += 1) expect(await outcome(answer)).toBe(code);
    for (let call = 0; call < 10; call += 1) {
      await outcome(unavailable);
      await outcome(unavailable);
      await outcome(answer);
    }
    expect([guard.lost, told.lost]).toEqual([undefined, []]);
  });

  it("once open, costs a call nothing: storage is not asked, and no timer is set", async () => {
    const { clock, told, outcome, lose } = guarded();
    await lose();
    const timers = clock.timers();
    let asked = 0;
    for (let call = 0; call < 100; call += 1) {
      const refused = outcome(async () => {
        asked += 1;
      });
      expect(clock.timers()).toBe(timers);
      expect(await refused).toBe("STORAGE_UNAVAILABLE");
    }
    expect([asked, told.probes, told.lost.length]).toEqual([0, 0, 1]);
  });

  it("refuses with an error of its own: nothing that only holds for the call it was lost by", async () => {
    const { clock, guard, told } = guarded();
    const write = () => guard.run(never, BUDGET, "The change may have been made.").catch(() => {});
    const writes = [write(), write(), write()];
    await clock.advance(BUDGET);
    await Promise.all(writes);
    expect(told.lost).toHaveLength(1);
    const refused = await guard.run(never, BUDGET, "The change may have been made.").catch((error) => error);
    expect(refused).toMatchObject({ code: "STORAGE_UNAVAILABLE", cause: told.lost[0] });
    expect(refused.message).not.toContain("may have been made");
  });

  it("opens once for all the calls that were under way", async () => {
    const { clock, told, outcome } = guarded();
    const calls = Array.from({ length: 100 }, () => outcome(never));
    await clock.advance(BUDGET);
    await Promise.all(calls);
    expect(told.lost).toHaveLength(1);
    expect(clock.timers()).toBe(1);
  });

  it("is not opened again by calls that began before storage was back", async () => {
    const { clock, guard, told, storage, outcome, lose } = guarded();
    const writes = Array.from({ length: 5 }, () => guard.run(never, 10_000, "").catch(() => {}));
    await lose();
    storage.answersProbes = true;
    await clock.advance(125);
    expect(guard.lost).toBeUndefined();
    await clock.advance(10_000);
    await Promise.all(writes);
    expect([guard.lost, told.lost.length]).toEqual([undefined, 1]);
    expect(await outcome(async () => "an answer")).toBe("an answer");
  });
});
