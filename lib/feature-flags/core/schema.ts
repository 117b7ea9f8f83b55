import { FlagError } from "./errors.ts";
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

/** What a schema has against a config: the leaf it is about (or the path as the schema says it), and why. */
export function schemaIssues(
  schema: StandardSchema<unknown>,
  config: unknown,
  leaves: ReadonlyMap<string, Leaf>,
): RuleViolation[] {
  const result = schema["~standard"].validate(config);
  if (result instanceof Promise) {
    result.catch(() => {
      // The refusal below already says that this schema cannot be used.
    });
    throw new FlagError(
      "DEFINITION_INVALID",
      "The schema validates asynchronously. Evaluation is synchronous: give a schema without async refinements.",
    );
  }
  return (result.issues ?? []).map((issue) =>
    Object.freeze({ path: leafOf(issue, leaves), message: issue.message }),
  );
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
