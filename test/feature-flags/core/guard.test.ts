import { describe, expect, it } from "vitest";
import { FlagError } from "../../../lib/feature-flags/core/errors.ts";
import { type GuardOptions, StorageGuard } from "../../../lib/feature-flags/core/guard.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { turn } from "../held-storage.ts";

const BUDGET = 250;
const never = () => new Promise<never>(() => {});
const unavailable = () => Promise.reject(new FlagError("STORAGE_UNAVAILABLE", "The connection was reset."));

/** A guard on its own: what it says and how often it probes is kept. */
function guarded(options: Partial<GuardOptions> = {}) {
  const clock = manualClock();
  const told = { lost: [] as FlagError[], recovered: [] as number[], probes: 0 };
  const storage = { answersProbes: false };
  const guard = new StorageGuard({
    clock,
    random: () => 0,
    probe: async () => {
      told.probes += 1;
      if (!storage.answersProbes) throw new Error("connection refused");
    },
    onLost: (error) => told.lost.push(error),
    onRecovered: (milliseconds) => told.recovered.push(milliseconds),
    ...options,
  });
  const run = (operation: () => Promise<unknown>) => guard.run(operation, BUDGET, "");
  const outcome = async (operation: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await run(operation);
    } catch (error) {
      return error instanceof FlagError ? error.code : error;
    }
  };
  const lose = async () => {
    for (let failure = 0; failure < 3; failure += 1) await outcome(unavailable);
  };
  return { clock, guard, told, storage, run, outcome, lose };
}

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

describe("a lost storage", () => {
  it("is probed after a quarter of a second and then ever more seldom, up to four seconds", async () => {
    const { clock, guard, told, lose } = guarded({ random: () => 1 });
    await lose();
    const start = clock.now();
    const probedAt: number[] = [];
    for (let seen = 0; probedAt.length < 8; ) {
      await clock.advance(1);
      if (told.probes === seen) continue;
      seen = told.probes;
      probedAt.push(clock.now() - start);
    }
    const waits = probedAt.map((at, index) => at - (probedAt[index - 1] ?? 0));
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
    expect(guard.lost).toBeDefined();
  });

  it("is probed at moments that jitter spreads over half of each wait", async () => {
    const firstProbes = new Map<number, number>();
    for (const random of [0, 0.25, 0.5, 1]) {
      const { clock, told, lose } = guarded({ random: () => random });
      await lose();
      const start = clock.now();
      while (told.probes === 0) await clock.advance(1);
      firstProbes.set(random, clock.now() - start);
    }
    expect([...firstProbes]).toEqual([
      [0, 125],
      [0.25, 157],
      [0.5, 188],
      [1, 250],
    ]);
  });

  it("is asked by the probe alone while that is under way", async () => {
    let answer = (): void => {};
    let probes = 0;
    const { clock, guard, outcome, lose } = guarded({
      probe: () => {
        probes += 1;
        return new Promise<void>((resolve) => {
          answer = resolve;
        });
      },
    });
    await lose();
    await clock.advance(125);
    expect(probes).toBe(1);
    expect(await outcome(async () => "an answer")).toBe("STORAGE_UNAVAILABLE");
    answer();
    await turn();
    expect(guard.lost).toBeUndefined();
    expect(await outcome(async () => "an answer")).toBe("an answer");
  });

  it("is back once a probe succeeds, of which is told once, with how long it was away", async () => {
    const { clock, guard, told, storage, outcome, lose } = guarded();
    await lose();
    await clock.advance(125 + 250 + 500 - 1);
    expect(told.probes).toBe(2);
    storage.answersProbes = true;
    await clock.advance(1);
    expect([guard.lost, told.recovered, told.probes]).toEqual([undefined, [875], 3]);
    expect(clock.timers()).toBe(0);
    expect(await outcome(async () => "an answer")).toBe("an answer");
    await clock.advance(60_000);
    expect([told.recovered.length, told.probes]).toEqual([1, 3]);
  });

  it("stays lost while probes hang: each is given a second, and then the next has its turn", async () => {
    let probes = 0;
    const { clock, guard, lose } = guarded({
      probe: () => {
        probes += 1;
        return never();
      },
    });
    await lose();
    await clock.advance(125 + 1_000 + 250 + 1_000 + 500);
    expect(probes).toBe(3);
    expect(guard.lost?.code).toBe("STORAGE_UNAVAILABLE");
  });

  it("is lost again after three more failures, and that is told again", async () => {
    const { clock, guard, told, storage, lose } = guarded();
    for (let outage = 1; outage <= 3; outage += 1) {
      storage.answersProbes = false;
      await lose();
      await clock.advance(1_000);
      expect([told.lost.length, told.recovered.length]).toEqual([outage, outage - 1]);
      storage.answersProbes = true;
      await clock.advance(10_000);
      expect([guard.lost, told.recovered.length]).toEqual([undefined, outage]);
    }
  });

  it("that answers probes and nothing else is not probed ever faster", async () => {
    const { clock, told, storage, lose } = guarded();
    storage.answersProbes = true;
    const end = clock.now() + 60_000;
    while (clock.now() < end) {
      await lose();
      await clock.advance(50);
    }
    expect(told.lost.length).toBeLessThan(40);
  });

  it("is left alone once the guard is closed", async () => {
    const { clock, told, lose, guard } = guarded();
    await lose();
    guard.close();
    expect(clock.timers()).toBe(0);
    await clock.advance(60_000);
    expect([told.probes, told.recovered]).toEqual([0, []]);
  });

  it("is left alone, too, if the guard was closed while a probe was under way", async () => {
    let answer = (): void => {};
    const { clock, guard, told, lose } = guarded({
      probe: () =>
        new Promise<void>((resolve) => {
          answer = resolve;
        }),
    });
    await lose();
    await clock.advance(125);
    guard.close();
    answer();
    await clock.advance(60_000);
    expect([told.recovered, clock.timers()]).toEqual([[], 0]);
  });

  it("is not probed by a guard that was closed before it was lost", async () => {
    const { clock, guard, told, lose } = guarded();
    guard.close();
    await lose();
    expect([told.lost, clock.timers(), guard.lost]).toEqual([[], 0, undefined]);
  });
});
