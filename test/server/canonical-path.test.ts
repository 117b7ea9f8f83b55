import { describe, expect, it } from "vitest";
import { pathOf, requireCanonicalPath } from "../../lib/server/canonical-path.ts";

describe("requireCanonicalPath", () => {
  it.each(["/", "/api", "/api/admin/feature-flags", "/a.b/c~d/e_f", "/A/B", "/v1.2/x"])(
    "takes %s",
    (path) => {
      expect(() => requireCanonicalPath(path)).not.toThrow();
    },
  );

  it.each([
    "",
    "api",
    "//",
    "/a/",
    "/a//b",
    "/./a",
    "/a/.",
    "/a/..",
    "/.hidden",
    "/a%2fb",
    "/a%20b",
    "/a b",
    "/a\\b",
    "/a;b",
    "/a\nb",
    "/ä",
    "*",
  ])("refuses %j", (path) => {
    expect(() => requireCanonicalPath(path)).toThrow(expect.objectContaining({ code: "MALFORMED_REQUEST" }));
  });
});

describe("pathOf", () => {
  it.each([
    ["/a/b?c=/d#e", "/a/b"],
    ["/a#b?c", "/a"],
    ["http://host:1/a//b?c", "/a//b"],
    ["HTTPS://host/a", "/a"],
    ["http://host", ""],
    ["//host/a", "//host/a"],
    ["*", "*"],
  ])("takes from %s the path %s", (target, path) => {
    expect(pathOf(target)).toBe(path);
  });
});
