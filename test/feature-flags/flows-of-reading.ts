import { expect } from "vitest";
import { chatWidgetFlags } from "../../lib/chat-widget/default-config.ts";
import type { Ailment } from "../../lib/feature-flags/index.ts";
import { both, type Flow } from "./flow-world.ts";
import { unannounced } from "./held-storage.ts";

export const READING_FLOWS: readonly Flow[] = [
  {
    name: "the usage example of the README works",
    async run(world) {
      const flagManager = world.chat();
      const result = await flagManager.getFlags(both);
      expect(result.config).toEqual(chatWidgetFlags.defaults);
      expect([result.source, result.evaluatedAt]).toEqual(["environment", world.clock.now()]);
      await flagManager.setCustomerFlags(
        "cust_123",
        { sessionPersistence: { phase2: { enhancedStorage: true } } },
        "admin_user_id",
        "Enabling enhanced storage for pilot",
      );
      const after = await flagManager.getFlags(both);
      expect([after.source, after.version]).toEqual(["customer_override", 1]);
      expect(await world.storage.listChanges({ limit: 10 })).toMatchObject([
        {
          path: "sessionPersistence.phase2.enhancedStorage",
          customerId: "cust_123",
          changedBy: "admin_user_id",
          reason: "Enabling enhanced storage for pilot",
          oldValue: true,
          newValue: true,
          newOverride: true,
        },
      ]);
    },
  },
  {
    name: "the customer answers before the organization, that before the environment, and back again",
    async run(world) {
      const manager = world.chat({ environment: "staging" });
      const sources: string[] = [];
      const look = async () => sources.push((await manager.getFlags(both)).source);
      await look();
      await manager.setOrganizationFlags("org_456", { experimental: { voiceInput: true } });
      await look();
      await manager.setCustomerFlags("cust_123", { experimental: { customThemes: true } });
      await look();
      expect((await manager.getFlags(both)).config).toMatchObject({
        sessionPersistence: { phase3: { tabSync: false } },
        experimental: { customThemes: true, voiceInput: false },
      });
      await manager.unsetCustomerFlags("cust_123", ["experimental.customThemes"]);
      await look();
      await manager.unsetOrganizationFlags("org_456", ["experimental"]);
      await look();
      expect(sources).toEqual([
        ...["environment", "organization_override", "customer_override", "organization_override"],
        "environment",
      ]);
    },
  },
  {
    name: "a cache miss is one query, a hit none, and `fresh` one again",
    async run(world) {
      const { queries } = world.harness;
      if (queries === undefined) return;
      await world.storage.registerCustomers([{ id: "cust_123", organizationId: "org_456" }]);
      // Nobody tells this manager of changes and its clock stands still: no query is anybody else's.
      const manager = world.plan({ storage: unannounced(world.storage) });
      await manager.setOrganizationFlags("org_456", { plan: "team" });
      await manager.setCustomerFlags("cust_123", { note: "x" });
      const count = async (read: () => Promise<unknown>) => {
        const before = queries();
        await read();
        return queries() - before;
      };
      expect(await count(() => manager.getFlags({ customerId: "somebody" }))).toBe(1);
      for (const context of [{ customerId: "cust_123" }, both, { organizationId: "org_456" }, {}]) {
        expect(await count(() => manager.getFlags(context))).toBe(1);
        expect(await count(() => manager.getFlags(context))).toBe(0);
        expect(await count(() => manager.getFlags(context, { fresh: true }))).toBe(1);
      }
      const crowd = Array.from({ length: 1_000 }, () => ({ customerId: "new" }));
      expect(await count(() => Promise.all(crowd.map((context) => manager.getFlags(context))))).toBe(1);
    },
  },
  {
    name: "two managers on the same data see each other's changes, one of them from memory",
    async run(world) {
      const writer = world.plan();
      const reader = world.plan({ storage: await world.another() });
      const preloaded = world.plan({ storage: await world.another(), preload: true });
      await preloaded.ready();
      await reader.getFlags(both);
      expect(preloaded.peek(both)?.config.plan).toBe("free");
      await writer.setOrganizationFlags("org_456", { plan: "team" });
      await writer.setCustomerFlags("cust_123", { note: "hello" });
      for (const manager of [reader, preloaded]) {
        await manager.catchUp();
        expect((await manager.getFlags(both)).config).toMatchObject({ plan: "team", note: "hello" });
      }
      expect(preloaded.peek({ organizationId: "org_456" })?.source).toBe("organization_override");
      expect((await writer.getFlags(both)).config.plan).toBe("team");
    },
  },
  {
    name: "explain tells of every layer, and of who set it",
    async run(world) {
      const manager = world.plan({ environment: "staging" });
      await manager.setOrganizationFlags("org_456", { plan: "team" }, "bob", "Contract");
      await manager.setCustomerFlags("cust_123", { plan: "gold" }, "ada", "Pilot");
      const [plan] = await manager.explain(both, "plan");
      expect(plan?.layers.map(({ value, winner, change }) => [value, winner, change?.changedBy])).toEqual([
        ["gold", true, "ada"],
        ["team", false, "bob"],
        [undefined, false, undefined],
        ["trial", false, undefined],
        ["free", false, undefined],
      ]);
    },
  },
  {
    name: "values and ids come back as they went in, whatever characters they hold",
    async run(world) {
      const manager = world.plan();
      const odd = [
        "__proto__",
        "'; DROP TABLE x; --",
        "caf\u00e9",
        "cafe\u0301",
        "\u{1f600}",
        "a\u2028b",
        "%",
      ];
      for (const [index, id] of odd.entries()) {
        await manager.setCustomerFlags(id, { note: id, limits: { maxSeats: index + 1.5, regions: odd } });
      }
      manager.clearCache();
      for (const [index, customerId] of odd.entries()) {
        const { config } = await manager.getFlags({ customerId });
        expect([config.note, config.limits]).toEqual([
          customerId,
          { maxSeats: index + 1.5, minSeats: 1, regions: odd },
        ]);
      }
    },
  },
  {
    name: "an override that no longer fits is served without its unfit leaves, listed, and can be repaired",
    async run(world) {
      await world.storage.saveCustomerFlags("cust_123", { plan: 7, gone: true, note: "kept" });
      await world.storage.saveCustomerFlags("cust_124", { beta: { sync: true } });
      const manager = world.plan();
      const evaluation = await manager.getFlags({ customerId: "cust_123" });
      expect(evaluation.config).toMatchObject({ plan: "free", note: "kept" });
      expect(evaluation.mismatches.map(({ path }) => path).sort()).toEqual(["gone", "plan"]);
      expect((await manager.getFlags({ customerId: "cust_124" })).violations).toHaveLength(1);
      const ailing: Ailment[] = [];
      for await (const ailment of manager.ailingOverrides()) ailing.push(ailment);
      expect(ailing.map(({ tenant }) => tenant.id)).toEqual(["cust_123", "cust_124"]);
      await manager.unsetCustomerFlags("cust_123", ["plan"]);
      await manager.setCustomerFlags("cust_124", { beta: { search: true } });
      expect((await manager.getFlags({ customerId: "cust_123" })).mismatches.map(({ path }) => path)).toEqual(
        ["gone"],
      );
      expect((await manager.getFlags({ customerId: "cust_124" })).violations).toEqual([]);
    },
  },
];
