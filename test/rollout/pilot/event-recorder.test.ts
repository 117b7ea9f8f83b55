import { describe, expect, it } from "vitest";
import { bucketOf } from "../../../lib/feature-flags/core/bucket.ts";
import type { Rollout } from "../../../lib/feature-flags/core/rollout.ts";
import { rolloutJson } from "../../../lib/feature-flags/core/rollout-parse.ts";
import { FlagError } from "../../../lib/feature-flags/index.ts";
import { createEventRecorder } from "../../../lib/rollout/pilot/event-recorder.ts";
import { createLoading } from "../../../lib/rollout/pilot/loading.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { type HandMadeAccess, handMadeAccess } from "../hand-made-access.ts";
import { aRollout } from "../rollouts.ts";

const START = 10_000_000_000;

async function store(access: HandMadeAccess, rollout: Rollout): Promise<void> {
  await access.storage.writeRollout({
    featureName: rollout.featureName,
    ...{ changeId: "made", changedBy: "test", changedAt: 0, reason: "test", audit: "best-effort" },
    decide: () => ({ rollout: rolloutJson(rollout), path: rollout.path, oldValue: undefined, newValue: {} }),
  });
}

/** Everybody is served, since a minute ago. */
async function world(change: Partial<Rollout> = {}, { isLoaded = true } = {}) {
  const access = handMadeAccess({ clock: manualClock(START) });
  const steps = [{ tier: 3, at: START - 60_000 }];
  await store(access, aRollout({ status: "completed", tier: 3, steps, ...change }));
  if (isLoaded) await access.refresh();
  const loaded = createLoading(access);
  const recorder = createEventRecorder(access, { capacity: 1_000, every: 1_000, loaded });
  const counted = async () => {
    const window = { featureName: "search", since: 0, until: START * 2 };
    const counts = await access.storage.countRolloutEvents(window);
    return counts.reduce<Record<string, number>>((sums, { event, count }) => {
      sums[event] = (sums[event] ?? 0) + count;
      return sums;
    }, {});
  };
  return { access, recorder, counted };
}

const event = { featureName: "search", customerId: "cust_1", event: "enabled", timestamp: START } as const;

describe("the event recorder", () => {
  it("writes events with the tier the rollout was at then", async () => {
    const steps = [
      { tier: 2, at: START - 60_000 },
      { tier: 3, at: START - 30_000 },
    ];
    const { access, recorder } = await world({ steps });
    recorder.record(event);
    recorder.record({ ...event, timestamp: START - 30_001 });
    recorder.record({ ...event, timestamp: START - 90_000 });
    await access.clock.advance(1_000);
    const window = { featureName: "search", since: 0, until: START * 2 };
    const counts = await access.storage.countRolloutEvents(window);
    expect(counts.map(({ tier, count }) => [tier, count])).toEqual([
      [2, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  it("counts the same event once, however often it is said", async () => {
    const { recorder, counted } = await world();
    for (let time = 0; time < 5; time += 1) {
      recorder.record(event);
      await recorder.flush();
    }
    recorder.record({ ...event, event: "error" });
    recorder.record({ ...event, customerId: "cust_2" });
    recorder.record({ ...event, timestamp: START + 0.7 });
    await recorder.flush();
    expect(await counted()).toEqual({ enabled: 2, error: 1 });
  });

  it("takes the time it is told, and now where it is told none", async () => {
    const { access, recorder, counted } = await world();
    recorder.record({ ...event, timestamp: undefined });
    recorder.record({ ...event, timestamp: START + 60_000 });
    recorder.record({ ...event, timestamp: START - 86_400_000 });
    recorder.record({ ...event, timestamp: START + 60_001 });
    recorder.record({ ...event, timestamp: START - 86_400_001 });
    await access.clock.advance(1_000);
    expect(await counted()).toEqual({ enabled: 3 });
    expect(recorder.stats().dropped).toMatchObject({ early: 1, late: 1 });
  });

  it("survives anything at all", async () => {
    const { recorder, counted } = await world();
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error("Look elsewhere.");
        },
      },
    );
    const junk: unknown[] = [undefined, null, 7, "event", [], {}, hostile, () => event];
    for (const timestamp of [Number.NaN, Number.POSITIVE_INFINITY, "now", new Date(START), null]) {
      junk.push({ ...event, timestamp });
    }
    for (const change of [
      { featureName: "" },
      { featureName: 7 },
      { customerId: "x".repeat(256) },
      { customerId: "\u0000" },
      { organizationId: 7 },
      { event: "success" },
      { metadata: [] },
      { metadata: { deep: {} } },
      { metadata: { nan: Number.NaN } },
      { metadata: { long: "x".repeat(1_001) } },
      { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, n])) },
    ]) {
      junk.push({ ...event, ...change });
    }
    for (const input of junk) recorder.record(input);
    await recorder.flush();
    expect(await counted()).toEqual({});
    expect(recorder.stats()).toMatchObject({ waiting: 0, written: 0, dropped: { invalid: junk.length } });
  });

  it("counts neither a feature nor a customer there is none of", async () => {
    const { access, recorder, counted } = await world({
      status: "in_progress",
      tier: 1,
      steps: [{ tier: 1, at: 0 }],
    });
    const ids = Array.from({ length: 300 }, (_, n) => `cust_${n}`);
    const served = ids.filter((id) => bucketOf("search", id) < 10_000);
    for (const customerId of ids) {
      recorder.record({ ...event, customerId });
      recorder.record({ ...event, customerId, event: "error" });
      recorder.record({ ...event, customerId, event: "disabled" });
      recorder.record({ ...event, customerId, featureName: "serch" });
    }
    await access.clock.advance(1_000);
    expect(await counted()).toEqual({ enabled: served.length, error: served.length, disabled: 300 });
    expect(recorder.stats().dropped).toMatchObject({ unknown: 300, notServed: 2 * (300 - served.length) });
  });

  it("asks for the organizations of a whole batch at once where they decide", async () => {
    const { access, recorder, counted } = await world({
      unit: "organization",
      deniedOrganizations: ["rivals"],
    });
    await access.storage.registerCustomers([
      { id: "cust_1", organizationId: "friends" },
      { id: "cust_2", organizationId: "rivals" },
      { id: "cust_3" },
    ]);
    let reads = 0;
    access.gate = () => {
      reads += 1;
    };
    for (const customerId of ["cust_1", "cust_2", "cust_3", "cust_4"])
      recorder.record({ ...event, customerId });
    recorder.record({ ...event, customerId: "cust_5", organizationId: "friends" });
    recorder.record({ ...event, customerId: "cust_6", organizationId: "rivals" });
    await access.clock.advance(1_000);
    // At 100 % those without an organization are served too.
    expect(await counted()).toEqual({ enabled: 4 });
    expect(recorder.stats().dropped.notServed).toBe(2);
    // The rollouts once, the organizations, the events.
    expect(reads).toBe(3);
  });

  it("keeps events of a rollout that it has not heard of yet", async () => {
    const { access, recorder, counted } = await world({}, { isLoaded: false });
    access.gate = () => {
      throw new FlagError("STORAGE_UNAVAILABLE", "Storage is away.");
    };
    recorder.record(event);
    await access.clock.advance(5_000);
    expect(recorder.stats().waiting).toBe(1);
    access.gate = () => {};
    await access.clock.advance(60_000);
    expect(await counted()).toEqual({ enabled: 1 });
  });

  it("counts what happened before a rollback, and nothing after", async () => {
    const { access, recorder, counted } = await world();
    recorder.record(event);
    await store(
      access,
      aRollout({ status: "rolled_back", tier: 3, steps: [{ tier: 3, at: START - 60_000 }] }),
    );
    await access.refresh();
    recorder.record({ ...event, event: "error" });
    await recorder.flush();
    // It was served when the event happened, which is what counts.
    expect(await counted()).toEqual({ enabled: 1 });
    expect(recorder.stats().dropped.notServed).toBe(1);
  });
});
