import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTenantIds } from "../../lib/snapshot/tenant-ids.ts";

describe("the ids seen so far", () => {
  it("tell a second time from a first, in whatever order they come", () => {
    const ids = fc.array(fc.stringMatching(/^[a-dü🎛]{1,3}$/u), { maxLength: 200 });
    fc.assert(
      fc.property(ids, fc.boolean(), (list, sorted) => {
        const known = new Set<string>();
        const seen = createTenantIds();
        for (const id of sorted ? list.toSorted() : list) {
          expect(seen.add(id)).toBe(!known.has(id));
          known.add(id);
        }
      }),
    );
  });
});
