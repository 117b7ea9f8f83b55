import { z } from "zod";
import { FlagError } from "../feature-flags/core/errors.ts";

const MOST_PROBLEMS = 20;

/** One line of text, such as a person's name. */
export const lineText = z
  .string()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u, "must not hold control characters");

/** Why somebody changes something. */
export const reasonText = z
  .string()
  .max(2000)
  .regex(/^[\P{Cc}\t\n\r]*$/u, "must not hold control characters but line breaks and tabs");

export const versionNumber = z.int().min(0);

/** The body as the schema has it. Throws MALFORMED_REQUEST with every problem in `details.problems`. */
export function parseBody<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, MOST_PROBLEMS).map(problemText);
  throw new FlagError("MALFORMED_REQUEST", `The body does not fit: ${problems[0]}`, {
    details: { problems },
  });
}

function problemText(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return `unknown field ${issue.keys.map((key) => JSON.stringify(key.slice(0, 64))).join(", ")}.`;
  }
  return at === "" ? `${issue.message}.` : `"${at}" ${issue.message}.`;
}
