import type { Leaf } from "./leaves.ts";
import type { RuleViolation } from "./types.ts";

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What zod, valibot, arktype and others all speak: the Standard Schema interface, version 1. */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/**
 * What a schema has against a config: the leaf it is about (or the path as the schema says it), and why. A schema
 * that fails instead of answering has that against the config: it must not break the answer of the tenant it met.
 */
export function schemaIssues(
  schema: StandardSchema<unknown>,
  config: unknown,
  leaves: ReadonlyMap<string, Leaf>,
): RuleViolation[] {
  return validated(schema, config).map((issue) =>
    Object.freeze({ path: leafOf(issue, leaves), message: issue.message }),
  );
}

function validated(schema: StandardSchema<unknown>, config: unknown): readonly SchemaIssue[] {
  try {
    const result = schema["~standard"].validate(config);
    if (!(result instanceof Promise)) return result.issues ?? [];
    result.catch(() => {
      // What is said below already tells that this schema cannot be used.
    });
    const remedy = "Evaluation is synchronous: give a schema without async refinements.";
    return [{ message: `The schema validates asynchronously. ${remedy}` }];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ message: `The schema failed while checking: ${why}` }];
  }
}

/** The leaf an issue lies in: schemas also point below leaves (an array's item) and at branches. */
function leafOf(issue: SchemaIssue, leaves: ReadonlyMap<string, Leaf>): string {
  const keys = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
  for (let length = keys.length; length > 0; length -= 1) {
    const path = keys.slice(0, length).join(".");
    if (leaves.has(path)) return path;
  }
  return keys.join(".");
}
