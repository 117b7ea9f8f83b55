import { expect } from "vitest";
import type { Flow } from "./flow-world.ts";

export const WRITING_FLOWS: readonly Flow[] = [
  {
    name: "under cascade every layer counts, and an organization cannot break its customers",
    async run(world) {
      const manager = world.plan();
      await world.storage.registerOrganizations([{ id: "org_456", name: "Acme" }]);
      await world.storage.registerCustomers([
        { id: "cust_123", organizationId: "org_456" },
        { id: "cust_124", organizationId: "org_456" },
      ]);
      await manager.setOrganizationFlags("org_456", { beta: { search: true }, plan: "team" });
      for (const id of ["cust_123", "cust_124"]) await manager.setCustomerFlags(id, { beta: { sync: true } });
      const evaluation = await manager.getFlags({ customerId: "cust_123" });
      expect(evaluation.config).toMatchObject({ plan: "team", beta: { search: true, sync: true } });
      expect(evaluation.sourceOf("beta.search")).toBe("organization_override");
      const { revision } = await world.storage.readState();
      await expect(
        manager.setOrganizationFlags("org_456", { beta: { search: false } }),
      ).rejects.toMatchObject({
        code: "RULE_VIOLATED",
        details: { customers: ["cust_123", "cust_124"], count: 2 },
      });
      expect((await world.storage.readState()).revision).toBe(revision);
      expect((await manager.getFlags({ customerId: "cust_123" })).violations).toEqual([]);
    },
  },
  {
    name: "of two who expect the same version one is refused, and has changed nothing",
    async run(world) {
      const one = world.plan();
      const two = world.plan({ storage: await world.another() });
      await one.setCustomerFlags("cust_123", { plan: "a" });
      const outcomes = await Promise.allSettled(
        [one, two].map((manager, index) =>
          manager.setCustomerFlags("cust_123", { note: `writer ${index}` }, "ada", "race", { ifVersion: 1 }),
        ),
      );
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const refused = outcomes.find((outcome) => outcome.status === "rejected");
      expect(refused?.reason).toMatchObject({
        code: "VERSION_CONFLICT",
        details: { expected: 1, actual: 2 },
      });
      expect(await world.storage.listChanges({ limit: 10 })).toHaveLength(2);
    },
  },
  {
    name: "every change of a leaf has its row, with what was seen and what was set, and none without a change",
    async run(world) {
      const manager = world.plan({ audit: "required" });
      await manager.setOrganizationFlags("org_456", { plan: "team" }, "bob", "Contract");
      await world.clock.advance(1_000);
      await manager.setCustomerFlags(
        "cust_123",
        { plan: "gold", limits: { regions: ["us"] }, labels: { tier: "gold" }, note: null },
        "ada",
        "Pilot",
        { organizationId: "org_456" },
      );
      await manager.setCustomerFlags("cust_123", { plan: "gold" }, "ada", "Again");
      await manager.unsetCustomerFlags("cust_123", ["plan"], "ada", "Back", { organizationId: "org_456" });
      const rows = await world.storage.listChanges({ limit: 20 });
      expect(
        rows.map(({ revision, position, path, oldValue, newValue, oldOverride, newOverride, reason }) => [
          ...[revision, position, path, reason],
          ...[oldValue, newValue, oldOverride, newOverride],
        ]),
      ).toEqual([
        [3, 0, "plan", "Back", "gold", "team", "gold", undefined],
        [2, 3, "note", "Pilot", null, null, undefined, null],
        [2, 2, "labels", "Pilot", {}, { tier: "gold" }, undefined, { tier: "gold" }],
        [2, 1, "limits.regions", "Pilot", ["eu"], ["us"], undefined, ["us"]],
        [2, 0, "plan", "Pilot", "team", "gold", undefined, "gold"],
        [1, 0, "plan", "Contract", "free", "team", undefined, "team"],
      ]);
      expect(new Set(rows.map(({ changeId }) => changeId)).size).toBe(3);
      expect(rows[1]?.changedAt).toBe(world.clock.now());
      expect(rows.at(-1)).toMatchObject({
        organizationId: "org_456",
        customerId: undefined,
        changedBy: "bob",
      });
      await expect(manager.setCustomerFlags("cust_123", { plan: "x" })).rejects.toMatchObject({
        code: "ACTOR_REQUIRED",
      });
    },
  },
  {
    name: "what a refused patch says is the same everywhere, and nothing is written",
    async run(world) {
      const manager = world.plan();
      const change = (set: object) => manager.updateOverride({ kind: "customer", id: "cust_123" }, { set });
      for (const [set, code] of [
        [{ limits: { maxSeat: 1 } }, "UNKNOWN_PATH"],
        [{ limits: { maxSeats: "1" } }, "TYPE_MISMATCH"],
        [{ beta: { sync: true } }, "RULE_VIOLATED"],
        [{ limits: { regions: Array(300).fill("x".repeat(1_000)) } }, "PATCH_TOO_LARGE"],
      ] as const) {
        await expect(change(set)).rejects.toMatchObject({ code });
      }
      expect(await world.storage.readState()).toMatchObject({ revision: 0 });
      expect(await world.storage.listChanges({ limit: 1 })).toEqual([]);
    },
  },
  {
    name: "two hundred writers at once lose nothing",
    async run(world) {
      const managers = [world.plan(), world.plan({ storage: await world.another() })];
      await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          managers[index % 2]?.setCustomerFlags(
            "cust_123",
            { limits: { maxSeats: index + 1 } },
            "ada",
            `n${index}`,
          ),
        ),
      );
      const override = await world.storage.getCustomerOverride("cust_123");
      expect(override?.version).toBe(200);
      const rows = await world.storage.listChanges({ limit: 1_000 });
      expect(new Set(rows.map(({ reason }) => reason)).size).toBe(200);
      expect(
        rows.toReversed().every((row, at, all) => at === 0 || row.oldOverride === all[at - 1]?.newOverride),
      ).toBe(true);
    },
  },
  {
    name: "audit rows that the table refuses are kept, and written once it takes them",
    async run(world) {
      const { refuseAudit } = world.harness;
      if (refuseAudit === undefined) return;
      const manager = world.plan();
      await manager.setCustomerFlags("cust_123", { plan: "a" }, "ada", "first");
      await world.clock.advance(0);
      await refuseAudit(true);
      expect(await manager.setCustomerFlags("cust_123", { plan: "b" }, "ada", "second")).toMatchObject({
        version: 2,
        audit: "kept",
      });
      expect((await manager.getFlags({ customerId: "cust_123" })).config.plan).toBe("b");
      await refuseAudit(false);
      await expect
        .poll(async () => {
          await world.clock.advance(30_000);
          return (await world.storage.listChanges({ limit: 10 })).map(({ reason }) => reason);
        })
        .toEqual(["second", "first"]);
      const strict = world.plan({ audit: "required" });
      await refuseAudit(true);
      await expect(strict.setCustomerFlags("cust_123", { plan: "c" }, "ada", "third")).rejects.toMatchObject({
        code: "AUDIT_UNAVAILABLE",
      });
      expect((await world.storage.getCustomerOverride("cust_123"))?.version).toBe(2);
      await refuseAudit(false);
    },
  },
];
