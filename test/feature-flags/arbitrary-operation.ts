import fc from "fast-check";
import { CUSTOMERS, type Operation, ORGANIZATIONS } from "./told-history.ts";

/** A change of anything, with a value of its own. */
export const arbitraryOperation: fc.Arbitrary<(unique: number) => Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          ...CUSTOMERS.map((id) => ({ kind: "customer", id }) as const),
          ...ORGANIZATIONS.map((id) => ({ kind: "organization", id }) as const),
        ),
        fc.constantFrom("plan", "note", "nothing"),
      )
      .map(
        ([tenant, what]) =>
          (unique: number): Operation => ({
            do: "override",
            ...tenant,
            flags: what === "nothing" ? {} : { [what]: `${tenant.id} ${unique}` },
          }),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({
        featureName: fc.constantFrom("a", "b"),
        unit: fc.constantFrom("customer", "organization"),
        percentage: fc.constantFrom(0, 50, 100, 100),
        isRolledBack: fc.constantFrom(false, false, true),
      })
      .map(
        ({ featureName, ...how }) =>
          (unique: number): Operation => ({
            do: "rollout",
            featureName,
            rollout: { ...how, seats: unique },
          }),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.record({
          id: fc.constantFrom(...CUSTOMERS),
          organizationId: fc.constantFrom(...ORGANIZATIONS, undefined),
        }),
        { minLength: 1, maxLength: 2 },
      )
      .map(
        (customers) => (): Operation => ({
          do: "register",
          customers: [...new Map(customers.map((customer) => [customer.id, customer])).values()],
        }),
      ),
  },
);
