import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { changeablePlaces } from "../changeable-places.ts";
import { failingStorage } from "../failing-storage.ts";
import { type PlanFlags, planFlags, planManager } from "../plan-flags.ts";

const both = { customerId: "cust_1", organizationId: "org_1" };

const nobody = { tenant: undefined, winner: false, change: undefined, rollout: undefined };

describe("explain", () => {
  it("lists every layer's value, the losers too, each with the change that set it", async () => {
    const { manager, clock } = planManager({ environment: "staging" });
    const organization = await manager.setOrganizationFlags("org_1", { plan: "team" }, "bob", "Contract");
    await clock.advance(60_000);
    const customer = await manager.setCustomerFlags("cust_1", { plan: "gold" }, "ada", "Pilot");
    const [plan] = await manager.explain(both, "plan");
    expect(plan).toEqual({
      path: "plan",
      value: "gold",
      source: "customer_override",
      layers: [
        {
          source: "customer_override",
          tenant: "cust_1",
          set: true,
          value: "gold",
          winner: true,
          change: {
            changeId: customer.changeId,
            revision: 2,
            changedBy: "ada",
            onBehalfOf: undefined,
            changedAt: clock.now(),
            reason: "Pilot",
          },
          rollout: undefined,
        },
        {
          source: "organization_override",
          tenant: "org_1",
          set: true,
          value: "team",
          winner: false,
          change: {
            changeId: organization.changeId,
            revision: 1,
            changedBy: "bob",
            onBehalfOf: undefined,
            changedAt: clock.now() - 60_000,
            reason: "Contract",
          },
          rollout: undefined,
        },
        { ...nobody, source: "rollout", set: false, value: undefined },
        { ...nobody, source: "environment", set: true, value: "trial" },
        { ...nobody, source: "default", set: true, value: "free" },
      ],
    });
  });

  it("names the newest change of each leaf, and none where nothing is set any more", async () => {
    const { manager } = planManager();
    await manager.setCustomerFlags("cust_1", { plan: "a", note: "kept" }, "ada", "first");
    await manager.setCustomerFlags("cust_1", { plan: "b" }, "bob", "second");
    const changes = async () =>
      (await manager.explain(both)).flatMap(({ path, layers }) =>
        layers.flatMap(({ change }) => (change === undefined ? [] : [[path, change.reason]])),
      );
    expect(await changes()).toEqual([
      ["plan", "second"],
      ["note", "first"],
    ]);
    await manager.unsetCustomerFlags("cust_1", ["plan"], "ada", "third");
    expect(await changes()).toEqual([["note", "first"]]);
  });

  it("explains one flag, a branch or everything, and refuses what is neither", async () => {
    const { manager } = planManager();
    const paths = async (path?: "limits" | "limits.maxSeats") =>
      (await manager.explain(both, path)).map((flag) => flag.path);
    expect(await paths("limits.maxSeats")).toEqual(["limits.maxSeats"]);
    expect(await paths("limits")).toEqual(["limits.maxSeats", "limits.minSeats", "limits.regions"]);
    expect(await paths()).toEqual([...manager.definition.leaves.keys()]);
    const unknown: "limits" = JSON.parse('"limit"');
    await expect(manager.explain(both, unknown)).rejects.toThrow('Did you mean "limits"?');
    await expect(manager.explain(both, unknown)).rejects.toMatchObject({
      code: "UNKNOWN_PATH",
      path: "limit",
    });
  });

  it("under first-match, shows the organization's value as the loser it is", async () => {
    const { manager } = planManager({ definition: planFlags("first-match") });
    await manager.setOrganizationFlags("org_1", { plan: "team" });
    await manager.setCustomerFlags("cust_1", { note: "mine" });
    const [plan] = await manager.explain(both, "plan");
    expect([plan?.value, plan?.source]).toEqual(["free", "default"]);
    expect(plan?.layers.map(({ source, value, winner }) => [source, value, winner])).toEqual([
      ["customer_override", undefined, false],
      ["organization_override", "team", false],
      ["rollout", undefined, false],
      ["environment", undefined, false],
      ["default", "free", true],
    ]);
  });

  it("finds the organization in the directory where none is named", async () => {
    const { manager, storage } = planManager();
    await storage.registerCustomers([{ id: "cust_1", organizationId: "org_1" }]);
    await manager.setOrganizationFlags("org_1", { plan: "team" }, "bob", "Contract");
    const [plan] = await manager.explain({ customerId: "cust_1" }, "plan");
    expect(plan?.layers[1]).toMatchObject({ tenant: "org_1", winner: true, change: { changedBy: "bob" } });
  });

  it("does not take a change of another tenant of the same id for the one that set a value", async () => {
    const { manager } = planManager();
    const same = { customerId: "x", organizationId: "x" };
    await manager.setOrganizationFlags("x", { plan: "team" }, "bob", "organization");
    await manager.setCustomerFlags("x", { plan: "gold" }, "ada", "customer");
    const [plan] = await manager.explain(same, "plan");
    expect(plan?.layers.slice(0, 2).map(({ change }) => change?.reason)).toEqual([
      "customer",
      "organization",
    ]);
  });

  it("is frozen, refuses bad ids, and rejects where storage cannot say", async () => {
    const fault = failingStorage(memoryStorage());
    const { manager } = planManager({ storage: fault.storage });
    expect(changeablePlaces(await manager.explain(both))).toEqual(["value"]);
    await expect(manager.explain({ customerId: "" })).rejects.toMatchObject({ code: "INVALID_ID" });
    fault.down = true;
    await expect(manager.explain(both)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });

  it.each(["first-match", "cascade"] as const)(
    "agrees under %s with the evaluation about every value and its source",
    async (resolution) => {
      const flags: fc.Arbitrary<Partial<PlanFlags>> = fc.record(
        {
          plan: fc.constantFrom("a", "b", "free"),
          note: fc.constantFrom(null, "x"),
          labels: fc.dictionary(fc.constantFrom("a", "b"), fc.constant("x"), { noNullPrototype: true }),
          limits: fc.record({ maxSeats: fc.nat(9), minSeats: fc.constant(0), regions: fc.constant(["eu"]) }),
        },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(flags, flags, fc.boolean(), async (ofCustomer, ofOrganization, isStaging) => {
          const { manager } = planManager({
            definition: planFlags(resolution),
            environment: isStaging ? "staging" : "production",
          });
          await manager.setOrganizationFlags("org_1", ofOrganization);
          await manager.setCustomerFlags("cust_1", ofCustomer);
          const evaluation = await manager.getFlags(both);
          for (const { path, value, source, layers } of await manager.explain(both)) {
            const leaf = manager.definition.leaf(path);
            expect(value).toEqual(
              leaf.segments.reduce<unknown>(
                (below, key) => Reflect.get(Object(below), key),
                evaluation.config,
              ),
            );
            expect(source).toBe(sourceOf(evaluation, path));
            const winners = layers.filter(({ winner }) => winner);
            expect(winners).toHaveLength(1);
            expect(winners[0]).toMatchObject({ source, value, set: true });
          }
        }),
        { numRuns: 40 },
      );
    },
  );
});

/** `sourceOf` for a path that is only known to be one at run time. */
function sourceOf(evaluation: { sourceOf(path: never): string }, path: string): string {
  return evaluation.sourceOf(path as never);
}
