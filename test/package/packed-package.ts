import { execFileSync, execSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { ROOT } from "../support/module-graph.ts";

export interface PackedPackage {
  /** A project of its own that has the package in its node_modules, as npm would put it there. */
  readonly project: string;
  /** What the tarball holds, sorted, with forward slashes. */
  readonly files: readonly string[];
  /** Runs Node in the project and returns what it printed; throws with that where it failed. */
  node(...args: readonly string[]): string;
  remove(): void;
}

const manifest: { name: string; dependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
);

/**
 * Builds and packs the package, beside the working tree's own dist, and unpacks it into a project that can
 * resolve the declared dependencies and nothing else of this repository.
 */
export function packedPackage(): PackedPackage {
  const folder = mkdtempSync(join(tmpdir(), "strata-package-"));
  const stage = join(folder, "stage");
  const project = join(folder, "project");
  const modules = join(project, "node_modules");
  mkdirSync(stage);
  mkdirSync(modules, { recursive: true });

  for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "docs"]) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(stage, name), { recursive: true });
  }
  run("tsc", "-p", "tsconfig.build.json", "--outDir", join(stage, "dist"));
  const [packed]: readonly { filename: string; files: readonly { path: string }[] }[] = JSON.parse(
    run("npm", "pack", stage, "--json", "--ignore-scripts", "--pack-destination", folder),
  );
  if (packed === undefined) throw new Error("npm pack made no tarball");
  execFileSync("tar", ["-xzf", join(folder, packed.filename), "-C", folder]);
  cpSync(join(folder, "package"), join(modules, manifest.name), { recursive: true });

  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name), "junction");
  }

  return {
    project,
    files: packed.files.map(({ path }) => path).sort(),
    node: (...args) =>
      execFileSync(process.execPath, args, { cwd: project, encoding: "utf8", stdio: "pipe" }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function run(command: string, ...args: readonly string[]): string {
  const bin = join(ROOT, "node_modules", ".bin");
  return execSync([command, ...args].map((part) => JSON.stringify(part)).join(" "), {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, PATH: bin + delimiter + (process.env["PATH"] ?? "") },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
