import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import { type ExportedNames, exportedNames } from "./support/exported-names.ts";
import { ROOT } from "./support/module-graph.ts";
import { PUBLIC_API } from "./support/public-names.ts";

const manifest: { exports: Record<string, string | { types: string; default: string }> } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
);
const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === "string" ? [] : [{ subpath, ...target }],
);

/** The source that `./dist/a/b.js` is built from. */
function sourceOf(built: string): string {
  return posix.join("lib", posix.relative("dist", built)).replace(/\.js$/, ".ts");
}

describe("the public API", () => {
  test("has a list of names for every subpath of the package", () => {
    expect(entries.map(({ subpath }) => subpath)).toEqual(Object.keys(PUBLIC_API));
  });

  test("says the same place for types as for code", () => {
    expect(entries.filter((entry) => entry.types !== entry.default.replace(/\.js$/, ".d.ts"))).toEqual([]);
  });

  test.each(Object.entries(PUBLIC_API))("of %s is the list, name for name", (subpath, listed) => {
    const built = entries.find((entry) => entry.subpath === subpath)?.default ?? "";
    expect(exportedNames(sourceOf(built))).toEqual(sorted(listed));
  });

  test.each(Object.entries(PUBLIC_API))("of %s exists at run time", async (subpath, { values }) => {
    const built = entries.find((entry) => entry.subpath === subpath)?.default ?? "";
    const loaded: Record<string, unknown> = await import(join(ROOT, sourceOf(built)));
    expect(Object.keys(loaded).sort()).toEqual([...values].sort());
  });
});

function sorted({ values, types }: ExportedNames): ExportedNames {
  return { values: [...values].sort(), types: [...types].sort() };
}
