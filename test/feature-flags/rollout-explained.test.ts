import { describe, expect, it } from "vitest";
import { bucketOf } from "../../lib/feature-flags/core/bucket.ts";
import { rolloutJson } from "../../lib/feature-flags/core/rollout-parse.ts";
import { PilotRolloutManager } from "../../lib/rollout/pilot-manager.ts";
import { planManager } from "./plan-flags.ts";
import { recordedLog } from "./recorded-log.ts";
import { halfRollout, storeRollout } from "./stored-rollouts.ts";

const ids = Array.from({ length: 200 }, (_, index) => `cust_${index}`);
const isIn = (id: string, below = 50_000, salt = "search") => bucketOf(salt, id) < below;
const [inside = "", outside = ""] = [ids.find((id) => isIn(id)), ids.find((id) => !isIn(id))];

describe("a stored rollout that does not fit", () => {
  it.each([
    ["a path that is no longer defined", { path: "beta.gone" }],
    ["a value of another type", { value: "yes" }],
    [
      "a percentage that is none",
      { tiers: [{ name: "x", percentage: 5_000, minimumAge: 0, minimumEvents: 0 }] },
    ],
  ])("(%s) is left out, logged once and told by the doctor; the others apply", async (_, flaw) => {
    const log = recordedLog();
    const { manager, storage } = planManager({ log });
    await storeRollout(storage, { featureName: "other", salt: "other", path: "plan", value: "new" });
    await storeRollout(storage, { ...flaw, targetTier: 0 });
    const { config, mismatches } = await manager.getFlags({
      customerId: ids.find((id) => isIn(id, 50_000, "other")),
    });
    expect([config.plan, config.beta.search, mismatches]).toEqual(["new", false, []]);
    expect(log.lines.filter(({ message }) => message.includes("rollout"))).toHaveLength(1);
    expect(manager.rollouts.unfit()).toMatchObject([{ featureName: "search" }]);
    await manager.close();
  });
});

it("a stored rollout of another name than its row's is left out: what is done to one would reach the other", async () => {
  const { manager, storage } = planManager();
  await storage.writeRollout({
    ...{ featureName: "copy", changeId: "1", changedBy: "ada", changedAt: 0, reason: "By hand" },
    audit: "best-effort",
    decide: () => ({
      rollout: rolloutJson(halfRollout),
      path: halfRollout.path,
      oldValue: undefined,
      newValue: {},
    }),
  });
  await manager.rollouts.refresh();
  expect(manager.rollouts.active()).toEqual([]);
  expect(manager.rollouts.unfit()).toEqual([
    { featureName: "copy", message: 'featureName is "search", not that of its row' },
  ]);
  const pilot = new PilotRolloutManager({ flags: manager });
  await expect(pilot.rollbackFeature("copy")).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
  await pilot.close();
  await manager.close();
});

describe("explain", () => {
  it("names the rollout, its tier, the bucket and the threshold it met, and who moved it last", async () => {
    const { manager, storage } = planManager();
    await storeRollout(storage);
    const layerOf = async (customerId: string) => {
      const [flag] = await manager.explain({ customerId }, "beta.search");
      return flag?.layers.find(({ source }) => source === "rollout");
    };
    expect(await layerOf(inside)).toMatchObject({
      set: true,
      value: true,
      winner: true,
      change: { changedBy: "ada", reason: "Pilot" },
      rollout: {
        ...{ featureName: "search", status: "in_progress", tier: "half", percentage: 50 },
        ...{ enabled: true, because: "percentage", bucket: bucketOf("search", inside), threshold: 50_000 },
      },
    });
    expect(await layerOf(outside)).toMatchObject({
      set: false,
      value: undefined,
      winner: false,
      rollout: {
        enabled: false,
        because: "percentage",
        bucket: bucketOf("search", outside),
        threshold: 50_000,
      },
    });
    await manager.close();
  });

  it("tells nobody of what was changed for another tenant only", async () => {
    const { manager, storage } = planManager();
    await storeRollout(storage);
    const pilot = new PilotRolloutManager({ flags: manager });
    const [stranger = ""] = ids.filter((id) => isIn(id) && id !== inside);
    const options = { scope: { customerId: stranger }, changedBy: "bob" };
    await pilot.rollbackFeature("search", "It hurts them", options);
    const changeFor = async (customerId: string) => {
      const [flag] = await manager.explain({ customerId }, "beta.search");
      return flag?.layers.find(({ source }) => source === "rollout")?.change?.changedBy;
    };
    expect([await changeFor(inside), await changeFor(stranger)]).toEqual(["ada", "bob"]);
    await pilot.close();
    await manager.close();
  });
});
