import assert from "node:assert/strict";
import type { FlagStorage } from "../../feature-flags/core/storage.ts";
import { known } from "./checks.ts";
import { contractCase, topic } from "./contract-case.ts";
import { byCodePoint, HOSTILE_IDS } from "./hostile-ids.ts";

const CUSTOMERS = [
  { id: "ACME-1", name: "Acme North", organizationId: "org_1" },
  { id: "acme-2", name: "South of ACME", organizationId: "org_2" },
  { id: "acme-3", organizationId: "org_1" },
  { id: "beta", name: "100% Beta_Test" },
  { id: "gamma", name: "100 percent betaXtest" },
  { id: "not-acme", name: "Zeta" },
];

export const directorySearch = topic("searching the directory", [
  contractCase(
    "a text finds the start of an id or any part of a name, whatever its case",
    async (storage) => {
      await storage.registerCustomers(CUSTOMERS);
      await storage.registerOrganizations(CUSTOMERS.map(({ id, name }) => ({ id, name })));
      const expected = {
        acme: ["ACME-1", "acme-2", "acme-3"],
        ACME: ["ACME-1", "acme-2", "acme-3"],
        "acme-3": ["acme-3"],
        "south of": ["acme-2"],
        orth: ["ACME-1"],
        mma: [],
        eta: ["beta", "gamma", "not-acme"],
        nobody: [],
      };
      for (const [text, ids] of Object.entries(expected)) await assertFound(storage, text, ids);
      assert.deepEqual(
        await found(storage, ""),
        CUSTOMERS.map((record) => record.id),
      );
    },
  ),

  contractCase("a text is no pattern", async (storage) => {
    await storage.registerCustomers(CUSTOMERS);
    await storage.registerOrganizations(CUSTOMERS.map(({ id, name }) => ({ id, name })));
    await assertFound(storage, "100%", ["beta"]);
    await assertFound(storage, "beta_", ["beta"]);
    for (const text of ["%", "acme_", "*", "?", "a%", "\\", "'", '"', "[a-z]", ".*", "_cme"]) {
      await assertFound(storage, text, text === "%" ? ["beta"] : []);
    }
  }),

  contractCase("a text is found whatever its case in letters beyond ASCII too", async (storage) => {
    await storage.registerCustomers([{ id: "\u00c4rzte", name: "\u041c\u043e\u0441\u043a\u0432\u0430" }]);
    for (const text of ["\u00e4rz", "\u00c4RZ", "\u043c\u043e\u0441", "\u041e\u0421\u041a"]) {
      assert.deepEqual(await found(storage, text), ["\u00c4rzte"], text);
    }
  }),

  contractCase(
    "customers are listed by organization, together with a text and from an id on",
    async (storage) => {
      await storage.registerCustomers(CUSTOMERS);
      const list = async (filter: { organizationId?: string; text?: string; after?: string }) =>
        (await storage.listCustomers({ ...filter, limit: 10 })).map((record) => record.id);
      assert.deepEqual(await list({ organizationId: "org_1" }), ["ACME-1", "acme-3"]);
      assert.deepEqual(await list({ organizationId: "org_1", text: "north" }), ["ACME-1"]);
      assert.deepEqual(await list({ organizationId: "org_1", after: "ACME-1" }), ["acme-3"]);
      assert.deepEqual(await list({ organizationId: "ORG_1" }), []);
      assert.deepEqual(await list({ text: "acme", after: "acme-2" }), ["acme-3"]);
    },
  ),

  contractCase("hostile ids are registered, listed in their order and found exactly", async (storage) => {
    const records = HOSTILE_IDS.map((id, n) => ({ id, name: `Number ${n}`, organizationId: id }));
    await storage.registerCustomers(records);
    await storage.registerOrganizations(records.map(({ id, name }) => ({ id, name })));
    const expected = records.toSorted((left, right) => byCodePoint(left.id, right.id));
    const listed: unknown[] = [];
    let after: string | undefined;
    do {
      const page = await storage.listCustomers({ after, limit: 10 });
      listed.push(...page.map(known));
      after = page.at(-1)?.id;
    } while (after !== undefined);
    assert.deepEqual(listed, expected);
    const organizations = await storage.listOrganizations({ limit: 1_000 });
    assert.deepEqual(
      organizations.map((record) => record.id),
      expected.map((record) => record.id),
    );
    for (const id of HOSTILE_IDS) {
      assert.deepEqual(
        (await storage.listCustomers({ organizationId: id, limit: 10 })).map((one) => one.id),
        [id],
      );
    }
  }),
]);

async function found(storage: FlagStorage, text: string): Promise<string[]> {
  return (await storage.listCustomers({ text, limit: 10 })).map((record) => record.id);
}

async function assertFound(storage: FlagStorage, text: string, ids: readonly string[]): Promise<void> {
  assert.deepEqual(await found(storage, text), ids, `customers for ${text}`);
  const organizations = await storage.listOrganizations({ text, limit: 10 });
  assert.deepEqual(
    organizations.map((record) => record.id),
    ids,
    `organizations for ${text}`,
  );
}
