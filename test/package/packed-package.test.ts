import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForBrowser } from "../../scripts/browser-bundle.ts";
import { ROOT } from "../support/module-graph.ts";
import { PUBLIC_API } from "../support/public-names.ts";
import { type PackedPackage, packedPackage } from "./packed-package.ts";

const MINUTES = 60_000;

describe("the packed package", () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-package-"));
  let packed: PackedPackage;
  beforeAll(() => {
    packed = packedPackage(folder);
  }, 3 * MINUTES);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds what was built and what explains it, and no sources", () => {
    const expected = /^(dist\/.+(\.js|\.d\.ts)|docs\/.+\.md|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(packed.files.filter((file) => !expected.test(file))).toEqual([]);
    expect(packed.files).toContain("dist/feature-flags/index.js");
    expect(packed.files).toContain("LICENSE");
  });

  test.each(Object.entries(PUBLIC_API))(
    "gives %s with its names to a project that has only its dependencies",
    (subpath, { values }) => {
      const name = `strata-flags${subpath.slice(1)}`;
      const printed = packed.node(
        "--input-type=module",
        "--eval",
        `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(name)}))))`,
      );
      expect(JSON.parse(printed).sort()).toEqual([...values].sort());
    },
  );

  test("runs the usage example and every embedded storage", () => {
    cpSync(join(ROOT, "test", "package", "smoke.mjs"), join(packed.project, "smoke.mjs"));
    expect(packed.node("smoke.mjs")).toContain("smoke passed");
  });

  test("brings the strata command", () => {
    const command = join(packed.project, "node_modules", "strata-flags", "dist", "cli", "index.js");
    expect(packed.node(command, "--help")).toContain("strata");
  });

  test("has types that compile in a project with strict checks of its libraries", {
    timeout: MINUTES,
  }, () => {
    const names = Object.entries(PUBLIC_API).map(([subpath, { values, types }], index) => {
      const list = [...values, ...types.map((name) => `type ${name}`)].map((name) => {
        const bare = name.replace("type ", "");
        return `${name} as ${bare}${index}`;
      });
      return `export { ${list.join(", ")} } from "strata-flags${subpath.slice(1)}";`;
    });
    writeFileSync(join(packed.project, "every-name.ts"), names.join("\n"));
    writeFileSync(
      join(packed.project, "usage.ts"),
      `import { defineFlags, FeatureFlagManager } from "strata-flags";
       import { memoryStorage } from "strata-flags/storages/memory";
       const definition = defineFlags({ defaults: { limits: { maxSeats: 5 }, theme: "light" } });
       const manager = new FeatureFlagManager({ definition, storage: memoryStorage() });
       const evaluation = await manager.getFlags({ customerId: "cust_1" });
       export const seats: number = evaluation.config.limits.maxSeats;
       export const source = evaluation.sourceOf("limits.maxSeats");
       // @ts-expect-error a path that does not exist
       evaluation.sourceOf("limits.maxSeat");`,
    );
    const compiled = spawnSync(
      process.execPath,
      [
        join(ROOT, "node_modules", "typescript", "bin", "tsc"),
        ...["--noEmit", "--strict", "--skipLibCheck", "false", "--exactOptionalPropertyTypes"],
        ...["--target", "es2024", "--lib", "es2024", "--module", "nodenext", "--types", "node"],
        ...["every-name.ts", "usage.ts"],
      ],
      { cwd: packed.project, encoding: "utf8" },
    );
    expect(compiled.stdout).toBe("");
    expect(compiled.status).toBe(0);
  });

  test("asks a browser for nothing it does not have", { timeout: MINUTES }, async () => {
    const entry = join(packed.project, "entry.js");
    writeFileSync(entry, 'export * from "strata-flags"; export * from "strata-flags/chat-widget";');
    const { code, imports } = await bundleForBrowser(entry);
    expect(imports).toEqual([]);
    expect(code).not.toMatch(/["']node:/);
    expect(code).toContain("customer_override");
  });
});
