import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst } from "rolldown/parseAst";
import { ROOT } from "./module-graph.ts";

export interface ExportedNames {
  /** What exists at run time. */
  readonly values: readonly string[];
  /** What only the type checker sees; a class or a constant with a type of its name is a value. */
  readonly types: readonly string[];
}

/** The names a module of the repository exports, read off its source, each list sorted. */
export function exportedNames(path: string): ExportedNames {
  const values = new Set<string>();
  const types = new Set<string>();

  for (const statement of parseAst(readFileSync(join(ROOT, path), "utf8"), { lang: "ts" }).body) {
    if (statement.type === "ExportDefaultDeclaration") values.add("default");
    if (statement.type !== "ExportNamedDeclaration") continue;
    const { declaration, exportKind, specifiers } = statement;
    for (const { exported, exportKind: own } of specifiers) {
      const name = exported.type === "Literal" ? exported.value : exported.name;
      (exportKind === "type" || own === "type" ? types : values).add(name);
    }
    switch (declaration?.type) {
      case undefined:
        break;
      case "VariableDeclaration":
        for (const { id } of declaration.declarations) if (id.type === "Identifier") values.add(id.name);
        break;
      case "FunctionDeclaration":
      case "ClassDeclaration":
        if (declaration.id !== null) values.add(declaration.id.name);
        break;
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration":
        types.add(declaration.id.name);
        break;
      default:
        throw new Error(`${path} exports in a way this reader does not know: ${declaration?.type}`);
    }
  }
  return { values: [...values].sort(), types: [...types].filter((name) => !values.has(name)).sort() };
}
