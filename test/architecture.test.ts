import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { findCycle, parseModule, readModules, type SourceModule } from "./support/module-graph.ts";

interface ImportRule {
  /** The modules it is about; the first rule that matches a module is the module's rule. */
  readonly of: RegExp;
  /** Modules of the project they may import. Types count: whoever names a type depends on it. */
  readonly may: RegExp;
  /** Packages, `node:` modules and `#names` they may import. */
  readonly packages?: RegExp;
}

/** Design, section 10: imports run one way, in the order a request travels, from the bottom of it to the top. */
const RULES: readonly ImportRule[] = [
  rule("feature-flags/core/(types|errors).ts", "feature-flags/core/(types|errors).ts"),
  rule("feature-flags/core/(rollout-storage|paths).ts", "feature-flags/core/(types|errors).ts"),
  rule("feature-flags/core/storage.ts", "feature-flags/core/(types|errors|rollout-storage).ts"),
  rule("feature-flags/core/(merge|change-tracking).ts", "feature-flags/core/(types|errors|paths).ts"),
  rule(
    "feature-flags/core/(cache|pending-loads|tenant-table).ts",
    "feature-flags/core/(types|errors|clock|pending-loads|tenant-table).ts",
  ),
  rule(
    "feature-flags/core/process-defaults.ts",
    "(feature-flags/core/(?!evaluator).+|chat-widget/.+)",
    "#(process-storage|snapshot-file)",
  ),
  rule("feature-flags/core/evaluator.ts", "(feature-flags/core/.+|chat-widget/.+)"),
  rule("feature-flags/core/.+", "feature-flags/core/(?!evaluator|process-defaults).+"),
  rule("feature-flags/.+", "(feature-flags|chat-widget)/.+"),
  rule("chat-widget/.+", "(chat-widget/.+|feature-flags/core/(?!evaluator|process-defaults).+)"),
  rule("rollout/.+", "(rollout/.+|feature-flags/.+|chat-widget/.+)"),

  rule(
    "storages/process-storage(.browser)?.ts",
    "(storages/[^/]+(/index)?.ts|feature-flags/core/(?!evaluator).+)",
    "node:.+",
  ),
  rule("storages/memory/.+", `(storages/memory/.+|storages/[^/]+.ts|${contract()})`),
  rule("storages/sql/.+", `(storages/sql/.+|storages/[^/]+.ts|${contract()})`, "kysely(/.+)?"),
  rule(
    "storages/sqlite/.+",
    `(storages/(sqlite|sql)/.+|storages/[^/]+.ts|${contract()})`,
    "(kysely(/.+)?|node:.+)",
  ),
  rule(
    "storages/postgres/.+",
    `(storages/(postgres|sql)/.+|storages/[^/]+.ts|${contract()})`,
    "(kysely(/.+)?|pg|node:.+)",
  ),
  rule("storages/[^/]+.ts", `(storages/[^/]+.ts|${contract()})`),

  rule("snapshot/process-snapshot.browser.ts", "feature-flags/core/(types|errors|snapshot).ts"),
  rule(
    "snapshot/.+",
    "(snapshot/.+|feature-flags/core/(types|errors|storage|snapshot|tenant-id|paths|clock).ts)",
    "node:.+",
  ),

  rule("server/.+", "(server/.+|feature-flags/.+)", "(hono|hono/.+|zod|node:.+)"),
  rule("telemetry/.+", "feature-flags/(manager-options|core/types).ts"),
  rule("openfeature/.+", "(openfeature/.+|feature-flags/.+)", "@openfeature/.+"),
  rule("testing/.+", "(testing/.+|feature-flags/core/(?!evaluator|process-defaults).+)", "node:.+"),
  rule(
    "cli/.+",
    "(cli/.+|server/.+|rollout/[^/]+.ts|feature-flags/.+|chat-widget/.+|storages/[^/]+(/index)?.ts)",
    "(commander|csv-parse(/.+)?|@hono/node-server|node:.+|#process-storage)",
  ),
];

/** Where a storage is chosen. Everything else is handed one. */
const WIRING = /^lib\/(storages\/process-storage(\.browser)?|cli\/open-storage)\.ts$/;

/** What a storage may know of the core. */
function contract(): string {
  return "feature-flags/core/(types|errors|storage|merge|change-tracking|paths|clock).ts";
}

function rule(of: string, may: string, packages?: string): ImportRule {
  const anchored = (prefix: string, pattern: string) =>
    new RegExp(`^${prefix}${pattern.replaceAll(".ts", "\\.ts")}$`);
  return {
    of: anchored("lib/", of),
    may: anchored("lib/", may),
    ...(packages === undefined ? {} : { packages: anchored("", packages) }),
  };
}

function offences(module: SourceModule): readonly string[] {
  const found = RULES.find(({ of }) => of.test(module.path));
  if (found === undefined) return [`${module.path} has no import rule: add its folder to RULES`];
  return module.imports
    .filter(({ specifier, target }) =>
      target === undefined ? !found.packages?.test(specifier) : !found.may.test(target),
    )
    .map(({ specifier }) => `${module.path} must not import "${specifier}"`);
}

const library = readModules("lib");
const everything = [...library, ...["test", "scripts", "bench"].flatMap((folder) => readModules(folder))];

describe("the library's modules", () => {
  test("import only what stands below them, in the order a request travels", () => {
    expect(library.length).toBeGreaterThan(0);
    expect(library.flatMap(offences)).toEqual([]);
  });

  test("never import one another in a circle", () => {
    expect(findCycle(library)).toBeUndefined();
  });

  test("are handed their storage: only the places that wire one import it", () => {
    const storage = /^lib\/storages\/(memory|sqlite|postgres)\/|^#process-storage$/;
    const own = (path: string) => path.split("/").slice(0, 3).join("/");
    const importers = library
      .filter(({ path }) => !WIRING.test(path) && path !== "lib/feature-flags/core/process-defaults.ts")
      .filter(({ path, imports }) =>
        imports.some(
          ({ specifier, target = specifier }) => storage.test(target) && own(target) !== own(path),
        ),
      );
    expect(importers.map(({ path }) => path)).toEqual([]);
  });

  test("name every export they pass on", () => {
    const stars = everything.filter(({ imports }) => imports.some(({ star }) => star));
    expect(stars.map(({ path }) => path)).toEqual([]);
  });

  test("load a database driver only when one is asked for", () => {
    const eager = library.filter(({ imports }) =>
      imports.some(
        ({ specifier, dynamic, typeOnly }) => /^pg(\/|$)/.test(specifier) && !dynamic && !typeOnly,
      ),
    );
    expect(eager.map(({ path }) => path)).toEqual([]);
  });
});

describe("every module", () => {
  test("is named for the one thing in it", () => {
    const nameless = /^(utils?|helpers?|common|misc|shared)$/;
    const named = everything.flatMap(({ path }) =>
      path.split("/").some((part) => nameless.test(basename(part).split(".")[0] ?? "")) ? [path] : [],
    );
    expect(named).toEqual([]);
  });

  test("stays under 300 lines", () => {
    expect(
      everything.filter(({ lines }) => lines >= 300).map(({ path, lines }) => `${path}: ${lines}`),
    ).toEqual([]);
  });
});

describe("the import rule", () => {
  const of = (path: string, source: string) => offences(parseModule(path, source));

  test("sees every way of importing", () => {
    const from = "lib/feature-flags/core/merge.ts";
    const refused = [
      'import { evaluate } from "./evaluator.ts";',
      'import type { FlagEvaluator } from "./evaluator.ts";',
      'export { evaluate } from "./evaluator.ts";',
      'export type { FlagEvaluator } from "./evaluator.ts";',
      'import "../../storages/memory/index.ts";',
      'const fs = await import("node:fs");',
      "const driver = await import(name);",
      'let pool: import("pg").Pool;',
      'import { sql } from "kysely";',
    ];
    expect(refused.filter((source) => of(from, source).length !== 1)).toEqual([]);
    expect(of(from, 'import type { FlagPath } from "./types.ts"; export const url = "node:fs";')).toEqual([]);
  });

  test("keeps HTTP from SQL, the core from HTTP, and storages from one another", () => {
    expect(of("lib/server/index.ts", 'import { sqlTables } from "../storages/sql/tables.ts";')).toHaveLength(
      1,
    );
    expect(of("lib/feature-flags/index.ts", 'import { Hono } from "hono";')).toHaveLength(1);
    expect(of("lib/storages/memory/index.ts", 'import "../sqlite/index.ts";')).toHaveLength(1);
    expect(of("lib/somewhere/new.ts", "")).toHaveLength(1);
  });

  test("finds a circle of any length", () => {
    const circle = [
      parseModule("lib/a.ts", 'import "./b.ts";'),
      parseModule("lib/b.ts", 'import type { C } from "./c/c.ts";'),
      parseModule("lib/c/c.ts", 'export { a } from "../a.ts";'),
    ];
    expect(findCycle(circle)).toEqual(["lib/a.ts", "lib/b.ts", "lib/c/c.ts", "lib/a.ts"]);
  });
});
