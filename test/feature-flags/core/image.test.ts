import { expect, it } from "vitest";
import { StorageConnection } from "../../../lib/feature-flags/core/connection.ts";
import { TenantImage } from "../../../lib/feature-flags/core/image.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { HOSTILE_IDS } from "../../../lib/testing/contract/hostile-ids.ts";

it("answers as storage would, for every id there is and for those there are not", async () => {
  const storage = memoryStorage();
  for (const [index, id] of HOSTILE_IDS.entries()) {
    if (index % 2 === 0) await storage.saveCustomerFlags(id, { n: index });
    if (index % 3 === 0) await storage.saveOrganizationFlags(id, { n: -index });
  }
  await storage.registerCustomers(
    HOSTILE_IDS.map((id, index) => ({ id, organizationId: HOSTILE_IDS[HOSTILE_IDS.length - 1 - index] })),
  );
  const image = new TenantImage(new StorageConnection(storage));
  expect(image.read({ customerId: "cust_1" })).toBeUndefined();
  await image.load();
  for (const id of [...HOSTILE_IDS, "nobody"]) {
    for (const context of [
      { customerId: id },
      { organizationId: id },
      { customerId: id, organizationId: "org_1" },
    ]) {
      const { rollouts, ...state } = await storage.readTenant(context);
      expect([image.read(context), rollouts]).toEqual([state, 0]);
    }
  }
});

it("reads more tenants than one page holds", async () => {
  const storage = memoryStorage();
  for (let tenant = 0; tenant < 5_001; tenant += 1) {
    await storage.saveCustomerFlags(`cust_${tenant}`, { n: tenant });
  }
  await storage.registerCustomers(
    Array.from({ length: 5_001 }, (_, index) => ({ id: `cust_${index}`, organizationId: `org_${index}` })),
  );
  const image = new TenantImage(new StorageConnection(storage));
  await image.load();
  expect(image.size).toBe(5_001);
  for (const customerId of ["cust_0", "cust_5000", "cust_4999"]) {
    const { rollouts, ...state } = await storage.readTenant({ customerId });
    expect([image.read({ customerId }), rollouts]).toEqual([state, 0]);
  }
});

it("never puts an older override in the place of a newer one", async () => {
  const storage = memoryStorage();
  const image = new TenantImage(new StorageConnection(storage));
  await image.load();
  const tenant = { kind: "customer", id: "cust_1" } as const;
  const at = (revision: number) => ({
    flags: { revision },
    version: revision,
    revision,
    updatedAt: 0,
    updatedBy: undefined,
  });
  image.put(tenant, at(5));
  image.put(tenant, at(4));
  expect(image.read({ customerId: "cust_1" })?.customer?.flags).toEqual({ revision: 5 });
  image.put(tenant, at(6));
  expect(image.read({ customerId: "cust_1" })?.customer?.version).toBe(6);
});

it.each([-7, Number.MAX_SAFE_INTEGER])(
  "holds a row whose revision is damaged (%d), and the writes that come after it",
  async (revision) => {
    const storage = memoryStorage();
    await storage.saveCustomerFlags("cust_1", { n: 1 });
    const listOverrides: typeof storage.listOverrides = async (page) => {
      const { overrides, next } = await storage.listOverrides(page);
      return { overrides: overrides.map((override) => ({ ...override, revision })), next };
    };
    const image = new TenantImage(new StorageConnection({ ...storage, listOverrides }));
    await image.load();
    expect(image.read({ customerId: "cust_1" })?.customer?.flags).toEqual({ n: 1 });
    const written = { flags: { n: 2 }, version: 2, revision: 2, updatedAt: 0, updatedBy: undefined };
    image.put({ kind: "customer", id: "cust_1" }, written);
    expect(image.read({ customerId: "cust_1" })?.customer?.flags).toEqual({ n: 2 });
  },
);
