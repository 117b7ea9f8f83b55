import type { TenantRef } from "../../../lib/feature-flags/core/storage.ts";
import type { SeededRandom } from "../seeded-random.ts";
import { hugeFlags, mutateFlags } from "./flag-mutations.ts";
import { type Population, tenantKey } from "./population.ts";

export type SqlValue = string | number | bigint | null | Uint8Array;

/** The tables that reading touches, with the column that finds a row and all columns. */
export const TABLES = {
  customer_feature_flags: {
    key: "customer_id",
    columns: ["customer_id", "flags", "version", "revision", "updated_at", "updated_by"],
  },
  organization_feature_flags: {
    key: "organization_id",
    columns: ["organization_id", "flags", "version", "revision", "updated_at", "updated_by"],
  },
  customers: {
    key: "id",
    columns: ["id", "organization_id", "name", "attributes", "search_id", "search_name"],
  },
  organizations: { key: "id", columns: ["id", "name", "attributes", "search_id", "search_name"] },
  flag_state: { key: "id", columns: ["id", "revision", "epoch", "rollouts"] },
  flag_revisions: { key: "revision", columns: ["revision", "place", "scope", "id"] },
  feature_flag_changes: {
    key: "revision",
    columns: ["revision", "flag_path", "new_override", "changed_by", "changed_at"],
  },
} as const;

export type MutableTable = keyof typeof TABLES;

/** One row changed, or (without a column) deleted, by hand. */
export interface RowMutation {
  readonly what: string;
  readonly table: MutableTable;
  readonly key: string | number;
  readonly column: string | undefined;
  readonly value: SqlValue;
}

/** What is done to a database at once. */
export interface Mutant {
  readonly rows: readonly RowMutation[];
  /** The tenant whose override is changed, where it is one's. */
  readonly owner: TenantRef | undefined;
  /** Every tenant, by its key, whose answer may be another one. */
  readonly affected: ReadonlySet<string>;
}

const HOSTILE: readonly SqlValue[] = [
  ...[null, "", " ", "\t", "text", "NULL", "true", "[]", "{}", '{"a":', "'; drop table customers; --"],
  ...["0", "-1", "1.5", "01", "1e3", "1e400", "NaN", "Infinity", "-infinity", "epoch", "0044-03-15 BC"],
  ...["2147483648", "9007199254740993", "9223372036854775807", "-9223372036854775808"],
  ...[0, -1, -7, 1.5, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 40],
  ...[
    9_007_199_254_740_991n,
    9_007_199_254_740_993n,
    9_223_372_036_854_775_807n,
    -9_223_372_036_854_775_808n,
  ],
  ...["\u0000", "a\u0000b", "\ud800", "\ufeff", "\u202eevil", "🙂", "x".repeat(255), "x".repeat(25_600)],
  ...["customer", "everything", "cust_1", "cust_101", "org_2", "org_29", "org_nowhere"],
  ...[Uint8Array.of(0xff, 0xfe), Uint8Array.of(0x63, 0x80), new Uint8Array()],
];

/** The first revisions of a population: they register tenants, and have no audit rows. */
const REGISTRATIONS = 2;

/** How often each table is drawn, of so many times in all. */
const WEIGHTS: readonly (readonly [MutableTable, number])[] = [
  ["customer_feature_flags", 42],
  ["organization_feature_flags", 34],
  ["customers", 10],
  ["organizations", 3],
  ["flag_state", 6],
  ["flag_revisions", 3],
  ["feature_flag_changes", 2],
];
const DRAWS = WEIGHTS.flatMap(([table, weight]) => Array.from({ length: weight }, () => table));

export function nextMutant(population: Population, random: SeededRandom): Mutant {
  const table = random.pick(DRAWS);
  if (table === "customer_feature_flags") return overrideMutant(population, random, "customer");
  if (table === "organization_feature_flags") return overrideMutant(population, random, "organization");
  return otherMutant(population, random, table);
}

/** A mutant of a size that takes seconds. */
export function hugeMutant(population: Population, random: SeededRandom): Mutant {
  const owner = pickOwner(population, random, random.pick(["customer", "organization"] as const));
  const { what, stored } = hugeFlags(population.overrides.get(tenantKey(owner)) ?? {});
  return ofOverrides(population, owner, [overrideRow(owner, "flags", what, stored)]);
}

function overrideMutant(population: Population, random: SeededRandom, kind: TenantRef["kind"]): Mutant {
  const owner = pickOwner(population, random, kind);
  if (random.below(100) < 75) {
    const { what, stored } = mutateFlags(population.overrides.get(tenantKey(owner)) ?? {}, random);
    const rows = [overrideRow(owner, "flags", what, stored)];
    const member = kind === "organization" ? memberWithOverride(population, owner.id) : undefined;
    // The same fault in two layers at once: neither may hide the other's.
    if (member !== undefined && random.below(4) === 0) rows.push(overrideRow(member, "flags", what, stored));
    return ofOverrides(population, owner, rows);
  }
  if (random.below(10) === 0)
    return ofOverrides(population, owner, [overrideRow(owner, undefined, "", null)]);
  const column = random.pick(TABLES[overrideTable(kind)].columns);
  return ofOverrides(population, owner, [
    overrideRow(owner, column, "a hostile value", random.pick(HOSTILE)),
  ]);
}

function otherMutant(population: Population, random: SeededRandom, table: MutableTable): Mutant {
  const key = {
    customers: () => random.pick([...population.memberships.keys()]),
    organizations: () => random.pick(population.organizations),
    flag_state: () => 1,
    flag_revisions: () => 1 + random.below(100),
    feature_flag_changes: () => 1 + REGISTRATIONS + random.below(100 - REGISTRATIONS),
  }[table === "customer_feature_flags" || table === "organization_feature_flags" ? "customers" : table]();
  const column = random.below(12) === 0 ? undefined : random.pick(TABLES[table].columns);
  const value = random.pick(HOSTILE);
  const affected = new Set<string>();
  if (table === "customers") {
    affected.add(`customer ${key}`);
    if (column === "id") affected.add(`customer ${String(value)}`);
  }
  return { rows: [{ what: "a hostile value", table, key, column, value }], owner: undefined, affected };
}

function ofOverrides(population: Population, owner: TenantRef, rows: readonly RowMutation[]): Mutant {
  const affected = new Set<string>();
  for (const { table, key, column, value } of rows) {
    const kind = table === "customer_feature_flags" ? "customer" : "organization";
    // A row whose id is changed is another tenant's from then on.
    for (const id of column === TABLES[table].key ? [key, value] : [key]) {
      affected.add(tenantKey({ kind, id: String(id) }));
      if (kind === "customer") continue;
      for (const [customer, organization] of population.memberships) {
        if (organization === id) affected.add(`customer ${customer}`);
      }
    }
  }
  return { rows, owner, affected };
}

function overrideTable(kind: TenantRef["kind"]) {
  return kind === "customer" ? "customer_feature_flags" : "organization_feature_flags";
}

function overrideRow(
  tenant: TenantRef,
  column: string | undefined,
  what: string,
  value: SqlValue,
): RowMutation {
  return { what, table: overrideTable(tenant.kind), key: tenant.id, column, value };
}

function pickOwner(population: Population, random: SeededRandom, kind: TenantRef["kind"]): TenantRef {
  const withOverride = population.tenants.filter(
    (tenant) => tenant.kind === kind && population.overrides.has(tenantKey(tenant)),
  );
  return random.pick(withOverride);
}

function memberWithOverride(
  { memberships, overrides }: Population,
  organization: string,
): TenantRef | undefined {
  for (const [id, of] of memberships) {
    const member = { kind: "customer", id } as const;
    if (of === organization && overrides.has(tenantKey(member))) return member;
  }
  return undefined;
}
