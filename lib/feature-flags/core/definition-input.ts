import { FlagError } from "./errors.ts";
import { isBranch, isPlainObject } from "./paths.ts";

/**
 * What a definition is made of, as far as its parts are there and of the right kind: types do not hold whoever
 * writes plain JavaScript, or keeps a definition in a file. Throws DEFINITION_INVALID.
 */
export function checkDefinitionInput(input: unknown): void {
  if (!isPlainObject(input) || !isBranch(input["defaults"])) {
    throw invalid(
      "`defaults` must be a plain object with at least one flag: defineFlags({ defaults: { ... } }).",
    );
  }
  const { environments, rules, describe, schema, resolution } = input;
  if (environments !== undefined && !isPlainObject(environments)) {
    throw invalid("`environments` must be an object: what differs from the defaults, by environment.");
  }
  if (rules !== undefined && !Array.isArray(rules)) throw invalid("`rules` must be a list.");
  if (describe !== undefined && !isPlainObject(describe)) {
    throw invalid("`describe` must be an object: { label, text, browser } by path.");
  }
  if (schema !== undefined && !isStandardSchema(schema)) {
    throw invalid("`schema` must be a Standard Schema, such as zod's z.object({ ... }).");
  }
  if (resolution !== undefined && resolution !== "cascade" && resolution !== "first-match") {
    throw invalid('`resolution` must be "cascade" or "first-match".');
  }
}

/** Some schemas are functions. */
function isStandardSchema(schema: unknown): boolean {
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) return false;
  const standard: unknown = "~standard" in schema ? schema["~standard"] : undefined;
  return (
    typeof standard === "object" &&
    standard !== null &&
    "validate" in standard &&
    typeof standard.validate === "function"
  );
}

function invalid(message: string): FlagError {
  return new FlagError("DEFINITION_INVALID", message);
}
