import { describe, expect, it } from "vitest";
import { FlagError } from "../../../lib/feature-flags/core/errors.ts";
import { type TenantChange, Watches } from "../../../lib/feature-flags/core/watches.ts";
import { type FlagEvaluation, FlagSource } from "../../../lib/feature-flags/index.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { turn } from "../held-storage.ts";

interface Tab {
  readonly tab: number;
}

const who = { customerId: "cust_1" };
const who2 = { customerId: "cust_2", organizationId: "org_2" };
const lost = new FlagError("STORAGE_UNAVAILABLE", "The database is out of reach.");

function evaluation(tab: number, error?: FlagError): FlagEvaluation<Tab> {
  return {
    ...{ config: { tab }, source: FlagSource.CUSTOMER_OVERRIDE, evaluatedAt: 0, version: 1, revision: 1 },
    ...{ stale: false, error, violations: [], mismatches: [], sourceOf: () => FlagSource.CUSTOMER_OVERRIDE },
  };
}

/** Watches on their own: what an evaluation answers is set by hand. */
function watching() {
  const clock = manualClock();
  const reported: unknown[] = [];
  const answer = { now: evaluation(0) };
  let evaluations = 0;
  const watches = new Watches<Tab>({
    ...{ clock, shape: { tab: 0 }, report: (error) => reported.push(error) },
    evaluate: async () => {
      evaluations += 1;
      return answer.now;
    },
  });
  const told: unknown[] = [];
  const listener = ({ changes }: TenantChange<Tab>) =>
    void told.push(...changes.map(({ oldValue, newValue }) => [oldValue, newValue]));
  return { clock, watches, answer, told, listener, reported, evaluations: () => evaluations };
}

describe("watches", () => {
  it("look where a change concerns the tenant, and nowhere else", async () => {
    const { watches, listener, evaluations } = watching();
    watches.add(who, listener);
    watches.add(who2, listener);
    await turn();
    const looks = async (scope: "customer" | "organization" | "everything", id: string | undefined) => {
      const before = evaluations();
      watches.changed([{ scope, id }]);
      await turn();
      return evaluations() - before;
    };
    expect(await looks("customer", "cust_1")).toBe(1);
    expect(await looks("customer", "cust_12")).toBe(0);
    // The first may belong to it: its context does not say. The second says that it does not.
    expect(await looks("organization", "org_1")).toBe(1);
    expect(await looks("organization", "org_2")).toBe(2);
    expect(await looks("everything", undefined)).toBe(2);
  });

  it("tell nothing of an answer that is not confirmed, and look again until one is", async () => {
    const { clock, watches, answer, told, listener } = watching();
    watches.add(who, listener);
    await turn();
    answer.now = evaluation(7, lost);
    watches.changed([{ scope: "customer", id: "cust_1" }]);
    await clock.advance(10_000);
    expect([told, clock.timers()]).toEqual([[], 1]);
    answer.now = evaluation(8);
    await clock.advance(1_000);
    expect([told, clock.timers()]).toEqual([[[0, 8]], 0]);
    watches.close();
  });

  it("look again with one timer, however many there are, and not for those that have ended", async () => {
    const { clock, watches, answer, listener, evaluations } = watching();
    answer.now = evaluation(0, lost);
    const ends = Array.from({ length: 50 }, (_, index) =>
      watches.add({ customerId: `cust_${index}` }, listener),
    );
    await turn();
    expect([clock.timers(), evaluations()]).toEqual([1, 50]);
    for (const end of ends.slice(1)) end();
    await clock.advance(1_000);
    expect(evaluations()).toBe(51);
    watches.close();
    expect(clock.timers()).toBe(0);
  });

  it("set no timer any more once they are closed, not for a look under way either", async () => {
    const { clock, watches, answer, listener } = watching();
    answer.now = evaluation(0, lost);
    watches.add(who, listener);
    watches.close();
    await turn();
    expect(clock.timers()).toBe(0);
  });

  it("tell of each change once, however many looks come of it", async () => {
    const { watches, answer, told, listener } = watching();
    watches.add(who, listener);
    await turn();
    answer.now = evaluation(1);
    for (let time = 0; time < 5; time += 1) watches.changed([{ scope: "everything", id: undefined }]);
    await turn();
    expect(told).toEqual([[0, 1]]);
  });
});
