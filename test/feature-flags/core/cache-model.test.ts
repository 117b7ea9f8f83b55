import fc from "fast-check";
import { expect, it } from "vitest";
import { FlagCache } from "../../../lib/feature-flags/core/cache.ts";
import type { TenantContext } from "../../../lib/feature-flags/core/types.ts";
import { manualClock } from "../../../lib/testing/index.ts";
import { NaiveCache } from "../naive-cache.ts";

/** Ids of which something glued together, folded or matched by its start would take one for another. */
const IDS = [
  "org_1",
  "org_12",
  "org_1:cust_1",
  ":",
  "a|b",
  "a",
  "b|c",
  '","',
  "__proto__",
  "toString",
  "\u0000",
];
const id = fc.constantFrom(...IDS, "caf\u00e9", "cafe\u0301", "\ud800", "undefined", "null", " ", "");
const maybeId = fc.option(id, { nil: undefined, freq: 4 });
const key: fc.Arbitrary<TenantContext> = fc.record({ customerId: maybeId, organizationId: maybeId });

const TTL = 60_000;

type Step = (caches: { real: FlagCache<number>; naive: NaiveCache }) => unknown;

const move = fc.constantFrom(0, 1_000, 20_000, 59_000, TTL, 13 * 86_400_000);

function setting([context, value, through]: readonly [TenantContext, number, string | undefined]): Step {
  return ({ real, naive }) => {
    real.set(context, value, through);
    naive.set(context, value, through);
  };
}

function reading(context: TenantContext): Step {
  return ({ real, naive }) => expect(real.get(context)).toBe(naive.get(context));
}

function readingLastKnown(context: TenantContext): Step {
  return ({ real, naive }) => expect(real.lastKnown(context)).toBe(naive.lastKnown(context));
}

function invalidatingCustomer(customer: string): Step {
  return ({ real, naive }) => {
    real.invalidateCustomer(customer);
    naive.invalidateCustomer(customer);
  };
}

function invalidatingOrganization(organization: string): Step {
  return ({ real, naive }) => {
    real.invalidateOrganization(organization);
    naive.invalidateOrganization(organization);
  };
}

const invalidatingAll: Step = ({ real, naive }) => {
  real.invalidateAll();
  naive.invalidateAll();
};

const clearing: Step = ({ real, naive }) => {
  real.clear();
  naive.clear();
};

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(key, fc.nat(), maybeId).map(setting) },
  { weight: 6, arbitrary: key.map(reading) },
  { weight: 1, arbitrary: key.map(readingLastKnown) },
  { weight: 2, arbitrary: id.map(invalidatingCustomer) },
  { weight: 2, arbitrary: id.map(invalidatingOrganization) },
  { weight: 1, arbitrary: fc.constantFrom(invalidatingAll, clearing) },
);
const sorted = (keys: readonly TenantContext[]) => keys.map((context) => JSON.stringify(context)).sort();

it.each([1, 2, 5, 30])(
  "answers as a plain list of entries would, whatever happens to it, with room for %i",
  async (maxEntries) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(step, { maxLength: 25 }), move), { maxLength: 8 }),
        async (phases) => {
          const clock = manualClock();
          const real = new FlagCache<number>({ ttl: TTL, maxEntries, clock });
          const naive = new NaiveCache(TTL, maxEntries);
          for (const [steps, milliseconds] of phases) {
            for (const run of steps) run({ real, naive });
            const { size, keys, hits, misses, evictions } = real.getStats();
            expect(sorted(keys)).toEqual(sorted(naive.keys()));
            expect([size, hits, misses, evictions]).toEqual([
              naive.keys().length,
              naive.hits,
              naive.misses,
              naive.evictions,
            ]);
            await clock.advance(milliseconds);
            naive.now += milliseconds;
          }
        },
      ),
      { numRuns: 150 },
    );
  },
);
