import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, relative, sep } from "node:path";
import { ROOT } from "../support/module-graph.ts";

export interface PackedPackage {
  /** A project of its own that has the package in its node_modules, as npm would put it there. */
  readonly project: string;
  /** What the tarball holds, sorted, with forward slashes. */
  readonly files: readonly string[];
  /** Runs Node in the project and returns what it printed; throws with that where it failed. */
  node(...args: readonly string[]): string;
}

const manifest: { name: string; dependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
);

/**
 * Builds and packs the package in `folder`, leaving the working tree's own dist alone, and unpacks it there into a
 * project that can resolve the declared dependencies, Node's types, and nothing else of this repository.
 */
export function packedPackage(folder: string): PackedPackage {
  const stage = join(folder, "stage");
  const project = join(folder, "project");
  const modules = join(project, "node_modules");
  mkdirSync(stage);
  mkdirSync(modules, { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');

  for (const name of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "docs"]) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(stage, name), { recursive: true });
  }
  run("tsc", ["-p", "tsconfig.build.json", "--outDir", join(stage, "dist")], ROOT);
  run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], stage);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  run("tar", ["-xzf", tarball], folder);
  const files = readdirSync(join(folder, "package"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(folder, "package"), join(entry.parentPath, entry.name)));
  cpSync(join(folder, "package"), join(modules, manifest.name), { recursive: true });

  for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name), "junction");
  }

  return {
    project,
    files: files.map((path) => path.split(sep).join("/")).sort(),
    node: (...args) => run(process.execPath, args, project),
  };
}

/** What the command printed; throws with all of it where the command failed. */
function run(command: string, args: readonly string[], cwd: string): string {
  const bin = join(ROOT, "node_modules", ".bin");
  const line = [command, ...args].map((part) => JSON.stringify(part)).join(" ");
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: bin + delimiter + (process.env["PATH"] ?? "") },
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`${line} failed:\n${stdout}${stderr}`);
  return stdout;
}
