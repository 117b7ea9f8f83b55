import { expect, it } from "vitest";
import { type TenantSlot, TenantTable } from "../../../lib/feature-flags/core/tenant-table.ts";

interface Slot extends TenantSlot<Slot> {
  readonly name: string;
}

function slot(
  customerId: string | undefined,
  organizationId: string | undefined,
  through = organizationId,
): Slot {
  const name = `${customerId}/${organizationId}`;
  return { customerId, organizationId, resolvedThrough: through, next: undefined, name };
}

const names = (slots: Iterable<Slot>) => [...slots].map(({ name }) => name).sort();

it("finds slots by their pair, among several organizations of one customer too", () => {
  const table = new TenantTable<Slot>();
  const all = [slot("a", "1"), slot("a", "2"), slot("a", undefined), slot("b", "1"), slot(undefined, "1")];
  for (const one of all) table.add(one);
  for (const one of all) expect(table.find(one.customerId, one.organizationId)).toBe(one);
  expect(table.find("a", "3")).toBeUndefined();
  expect(table.find(undefined, undefined)).toBeUndefined();
  expect(names(table.ofCustomer("a"))).toEqual(["a/1", "a/2", "a/undefined"]);
  expect(names(table.all())).toEqual(names(all));
});

it("takes slots out of the middle, the front and the end of a customer's chain", () => {
  for (const gone of ["1", "2", "3"]) {
    const table = new TenantTable<Slot>();
    for (const organization of ["1", "2", "3"]) table.add(slot("a", organization));
    const found = table.find("a", gone);
    if (found !== undefined) table.remove(found);
    expect(names(table.all())).toEqual(
      ["1", "2", "3"].filter((one) => one !== gone).map((one) => `a/${one}`),
    );
    expect([table.size, names(table.ofOrganization(gone))]).toEqual([2, []]);
  }
});

it("forgets every trace of a slot that is taken out", () => {
  const table = new TenantTable<Slot>();
  const [customer, organization] = [slot("a", undefined, "1"), slot(undefined, "1")];
  table.add(customer);
  table.add(organization);
  expect(names(table.ofOrganization("1"))).toEqual(["a/undefined", "undefined/1"]);
  table.remove(customer);
  table.remove(organization);
  expect([
    table.size,
    names(table.all()),
    names(table.ofCustomer("a")),
    names(table.ofOrganization("1")),
  ]).toEqual([...[0, [], [], []]]);
});

it("follows a slot to another organization", () => {
  const table = new TenantTable<Slot>();
  const customer = slot("a", undefined, "1");
  table.add(customer);
  table.resolve(customer, "12");
  expect([names(table.ofOrganization("1")), names(table.ofOrganization("12"))]).toEqual([
    [],
    ["a/undefined"],
  ]);
  table.resolve(customer, undefined);
  expect(names(table.ofOrganization("12"))).toEqual([]);
  expect(table.find("a", undefined)).toBe(customer);
});

it("finds and takes out each of a customer's many organizations", () => {
  const table = new TenantTable<Slot>();
  const all = Array.from({ length: 50 }, (_, index) => slot("a", `${index}`, `${index % 3}`));
  for (const one of all) table.add(one);
  table.add(slot("b", "1"));
  expect(names(table.ofCustomer("a"))).toEqual(names(all));
  expect(table.find("a", "none")).toBeUndefined();
  for (const [index, one] of all.entries()) {
    expect(table.find("a", one.organizationId)).toBe(one);
    table.remove(one);
    expect(table.find("a", one.organizationId)).toBeUndefined();
    expect(names(table.all())).toEqual([...names(all.slice(index + 1)), "b/1"].sort());
  }
  table.add(slot("a", "again"));
  expect(names(table.ofCustomer("a"))).toEqual(["a/again"]);
});

it("is empty after clearing", () => {
  const table = new TenantTable<Slot>();
  table.add(slot("a", "1"));
  table.clear();
  expect([table.size, table.find("a", "1"), names(table.ofOrganization("1"))]).toEqual([0, undefined, []]);
});
