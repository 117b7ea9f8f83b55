import { describe, expect, it } from "vitest";
import { checkId, contextError } from "../../../lib/feature-flags/core/tenant-id.ts";
import { HOSTILE_IDS } from "../../../lib/testing/contract/hostile-ids.ts";

describe("checkId", () => {
  it("takes whatever well-formed text of up to 255 characters", () => {
    for (const id of HOSTILE_IDS) expect(() => checkId("customer", id)).not.toThrow();
  });

  it.each([
    ["", "The customer id is empty."],
    ["x".repeat(256), "The customer id has 256 characters; at most 255 are allowed."],
    ["a\u0000", "The customer id holds control characters."],
    ["a\nb", "The customer id holds control characters."],
    ["\u001b[31m", "The customer id holds control characters."],
    ["a\u0085b", "The customer id holds control characters."],
    ["\ud800", "The customer id is not well-formed Unicode."],
    ["a\udfffb", "The customer id is not well-formed Unicode."],
    [undefined, "The customer id must be a string, not undefined."],
    [null, "The customer id must be a string, not null."],
    [5, "The customer id must be a string, not number."],
    [["cust_1"], "The customer id must be a string, not object."],
    [new String("cust_1"), "The customer id must be a string, not object."],
  ])("refuses %o: %s", (id, message) => {
    expect(() => checkId("customer", id)).toThrowError(
      expect.objectContaining({ code: "INVALID_ID", message: expect.stringContaining(message) }),
    );
  });
});

describe("contextError", () => {
  it("finds nothing wrong with a context without ids, or with good ones", () => {
    for (const context of [{}, { customerId: undefined }, { customerId: "a", organizationId: "b" }]) {
      expect(contextError(context)).toBeUndefined();
    }
  });

  it("says how to ask without an id", () => {
    expect(contextError({ customerId: "" })?.message).toBe(
      "The customer id is empty. Leave it out to ask without one.",
    );
  });

  it("names the id that is wrong", () => {
    expect(contextError({ customerId: "a", organizationId: "" })?.message).toContain("organization id");
    expect(contextError({ customerId: "", organizationId: "" })?.message).toContain("customer id");
  });
});
