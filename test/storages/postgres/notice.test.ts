import { describe, expect, it } from "vitest";
import { parseNotice } from "../../../lib/storages/postgres/notice.ts";

describe("a notice", () => {
  it("names the revision, the epoch and whom it is about", () => {
    expect(parseNotice('[7, "e", "customer", "cust_\\u00e9 \\"1\\""]')).toEqual({
      revision: 7,
      epoch: "e",
      scope: "customer",
      id: 'cust_é "1"',
    });
  });

  it.each([
    ["of a revision with several events", '[7, "e", null, null]'],
    ["of a scope that is not known", '[7, "e", "planet", "mars"]'],
    ["that is only a number, as earlier versions sent it", "7"],
    ["with a revision that is none", '["7", "e", "customer", "a"]'],
    ["that is not JSON", "hello"],
    ["that is empty", ""],
    ["that says nothing", undefined],
  ])("%s leaves it to the tables to say", (_, payload) => {
    expect(parseNotice(payload)).toBeUndefined();
  });
});
