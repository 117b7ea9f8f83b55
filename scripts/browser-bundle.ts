import { rolldown } from "rolldown";

export interface BrowserBundle {
  /** All chunks, minified, one after the other. */
  readonly code: string;
  /** Everything the bundle still imports from outside itself. */
  readonly imports: readonly string[];
}

/** Bundles a module as an application for browsers would, with nothing left out. */
export async function bundleForBrowser(entry: string): Promise<BrowserBundle> {
  const bundle = await rolldown({
    input: entry,
    platform: "browser",
    // A Node module stays visible as an import of the bundle instead of failing the build with less to say.
    external: /^node:/,
    logLevel: "silent",
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  const chunks = output.filter((part) => part.type === "chunk");
  const own = new Set(chunks.map(({ fileName }) => fileName));
  const imports = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
  return {
    code: chunks.map(({ code }) => code).join("\n"),
    imports: [...new Set(imports)].filter((name) => !own.has(name)),
  };
}
