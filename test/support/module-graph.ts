import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";

/** One `import`, `export ... from`, `import()` or `import("...").Type` of a module. */
export interface ModuleImport {
  /** As written. */
  readonly specifier: string;
  /** Path of the module it names, from the repository's root; undefined for a package, `node:` or `#name`. */
  readonly target: string | undefined;
  /** True where nothing of it is left once types are stripped. */
  readonly typeOnly: boolean;
  /** True for `import()`. */
  readonly dynamic: boolean;
  /** True for `export * from` and `export * as name from`. */
  readonly star: boolean;
}

export interface SourceModule {
  /** From the repository's root, with forward slashes: "lib/storages/read-only.ts". */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly ModuleImport[];
}

export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Every TypeScript module under a folder of the repository, parsed. */
export function readModules(folder: string): readonly SourceModule[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort()
    .map((path) => parseModule(path, readFileSync(join(ROOT, path), "utf8")));
}

export function parseModule(path: string, source: string): SourceModule {
  const imports: ModuleImport[] = [];
  visit(parseAst(source, { lang: "ts" }), (node) => {
    const found = importOf(node);
    if (found === undefined) return;
    const relativePath = found.specifier.startsWith(".");
    const target = relativePath ? posix.join(posix.dirname(path), found.specifier) : undefined;
    imports.push({ ...found, target });
  });
  return { path, lines: source.split("\n").length - (source.endsWith("\n") ? 1 : 0), imports };
}

function importOf(node: Node): Omit<ModuleImport, "target"> | undefined {
  // What cannot be read off the source counts as an import of its own, so that no rule lets it through.
  const named = (typeOnly: boolean, form: { dynamic?: boolean; star?: boolean } = {}) => ({
    specifier: stringOf(node["source"]) ?? "(computed)",
    typeOnly,
    dynamic: form.dynamic ?? false,
    star: form.star ?? false,
  });
  switch (node["type"]) {
    case "ImportDeclaration":
      return named(node["importKind"] === "type");
    case "ExportNamedDeclaration":
      return isNode(node["source"]) ? named(node["exportKind"] === "type") : undefined;
    case "ExportAllDeclaration":
      return named(node["exportKind"] === "type", { star: true });
    case "ImportExpression":
      return named(false, { dynamic: true });
    case "TSImportType":
      return named(true);
    default:
      return undefined;
  }
}

type Node = Readonly<Record<string, unknown>>;

function visit(value: unknown, onNode: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, onNode);
  } else if (isNode(value)) {
    onNode(value);
    for (const child of Object.values(value)) visit(child, onNode);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}

function stringOf(value: unknown): string | undefined {
  return isNode(value) && typeof value["value"] === "string" ? value["value"] : undefined;
}

/** The first cycle there is, as the paths along it, or undefined. */
export function findCycle(modules: readonly SourceModule[]): readonly string[] | undefined {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const trail: string[] = [];

  const walk = (path: string): readonly string[] | undefined => {
    if (done.has(path)) return undefined;
    const start = trail.indexOf(path);
    if (start >= 0) return [...trail.slice(start), path];
    trail.push(path);
    for (const { target } of byPath.get(path)?.imports ?? []) {
      const cycle = target === undefined ? undefined : walk(target);
      if (cycle !== undefined) return cycle;
    }
    trail.pop();
    done.add(path);
    return undefined;
  };

  for (const { path } of modules) {
    const cycle = walk(path);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
