import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exposureTime } from "../../../lib/rollout/pilot/exposures.ts";
import { PilotRolloutManager } from "../../../lib/rollout/pilot-manager.ts";
import { handMadeAccess } from "../hand-made-access.ts";
import { aRollout } from "../rollouts.ts";

const HOUR = 3_600_000;

async function everybodyServed() {
  const access = handMadeAccess();
  const rollouts = new PilotRolloutManager({ flags: { rollouts: access }, exposureWindow: HOUR });
  const tiers = [{ name: "all", percentage: 100 }];
  await rollouts.createRollout({ featureName: "search", path: "beta.search", tiers });
  await rollouts.startRollout("search");
  const exposures = async () => {
    await rollouts.flush();
    return (await rollouts.getRolloutStats("search", { period: 30 * 86_400_000 })).tiers[0]?.exposures;
  };
  return { access, rollouts, exposures };
}

describe("exposures", () => {
  it("are recorded once per customer and window", async () => {
    const { access, exposures } = await everybodyServed();
    for (let minute = 0; minute < 10 * 60; minute += 1) {
      await access.expose({ customerId: "cust_1" });
      if (minute % 2 === 0) await access.expose({ customerId: "cust_2" });
      await access.clock.advance(60_000);
    }
    // Ten hours touch eleven windows at most, for each has its own beginning.
    expect(await exposures()).toBeGreaterThanOrEqual(20);
    expect(await exposures()).toBeLessThanOrEqual(22);
  });

  it("are the same event wherever they happen", async () => {
    const { access, exposures } = await everybodyServed();
    const other = handMadeAccess({ storage: access.storage, clock: access.clock, instanceId: "instance-2" });
    await other.refresh();
    const elsewhere = new PilotRolloutManager({ flags: { rollouts: other }, exposureWindow: HOUR });
    await access.clock.advance(5_000);
    await access.expose({ customerId: "cust_1" });
    await access.clock.advance(7);
    await other.expose({ customerId: "cust_1" });
    await access.clock.advance(1);
    await elsewhere.flush();
    expect(await exposures()).toBe(1);
  });

  it("are of whom the rollout gave its value: not of one who has an override, nor of one not served", async () => {
    const { access, rollouts, exposures } = await everybodyServed();
    const override = { beta: { search: true } };
    await access.storage.saveCustomerFlags("cust_1", override);
    await rollouts.rollbackFeature("search", "Not for them", { scope: { customerId: "cust_2" } });
    for (const customerId of ["cust_1", "cust_2"]) await access.expose({ customerId });
    await access.expose({ organizationId: "org_1" });
    await access.clock.advance(1_000);
    expect(await exposures()).toBe(0);
  });

  it("lie within their window, not before the tier, and not in the future", () => {
    const ids = fc.string({ minLength: 1, maxLength: 20 });
    const property = fc.property(
      ids,
      fc.integer({ min: 1_000_000, max: 10 ** 12 }),
      fc.nat(HOUR),
      (id, now, window) => {
        const rollout = aRollout();
        const at = exposureTime(rollout, id, window, now);
        const length = Math.max(1, Math.min(window, HOUR / 4));
        expect(at).toBeLessThanOrEqual(now);
        expect(at).toBeGreaterThanOrEqual(1_000_000);
        expect(at).toBeGreaterThan(now - length - 1);
        expect(exposureTime(rollout, id, window, at)).toBe(at);
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  it("never leave the window in which errors count while a customer goes on asking", () => {
    const rollout = aRollout();
    for (let n = 0; n < 50; n += 1) {
      for (let now = 1_000_000; now < 1_000_000 + 3 * HOUR; now += 60_000) {
        expect(now - exposureTime(rollout, `cust_${n}`, 10 * HOUR, now)).toBeLessThanOrEqual(HOUR / 4);
      }
    }
  });
});
