import { z } from "zod";
import { FlagError } from "../feature-flags/core/errors.ts";
import { isBranch } from "../feature-flags/core/paths.ts";
import type { TenantRef } from "../feature-flags/core/storage.ts";
import type { FlagObject, FlagValue } from "../feature-flags/core/types.ts";
import type { AdminChange } from "./admin-manager.ts";

/** A change as a body asks for it. */
export interface ChangeRequest {
  readonly tenant: TenantRef;
  readonly change: AdminChange;
  /** On whose behalf the credential acts. */
  readonly changedBy: string | undefined;
  readonly reason: string | undefined;
  readonly ifVersion: number | undefined;
}

// A body comes out of JSON.parse, so whatever is defined in it is a flag value.
const flagValue = z.custom<FlagValue>((value) => value !== undefined, "must be a value");
const flagObject = z.custom<FlagObject>(isFlagRecord, "must be an object of flags");
const line = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !hasControl(text, ""), "must not hold control characters");

const changeBody = z.strictObject({
  path: z.string().min(1).optional(),
  value: flagValue.optional(),
  enabled: z.boolean().optional(),
  set: flagObject.optional(),
  unset: z.array(z.string().min(1)).min(1).optional(),
  customerId: z.string().optional(),
  organizationId: z.string().optional(),
  changedBy: line.optional(),
  reason: z
    .string()
    .max(2000)
    .refine(
      (text) => !hasControl(text, "\t\n\r"),
      "must not hold control characters but line breaks and tabs",
    )
    .optional(),
  ifVersion: z.int().min(0).optional(),
});
type ChangeBody = z.infer<typeof changeBody>;

/**
 * The change that a body asks for: `{ path, value | enabled }` or `{ set, unset }`, for exactly one tenant.
 * Throws MALFORMED_REQUEST with every problem in `details.problems`.
 */
export function parseChangeRequest(json: unknown): ChangeRequest {
  const parsed = changeBody.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.slice(0, 20).map(problemText);
    throw new FlagError("MALFORMED_REQUEST", `The body does not fit: ${problems[0]}`, {
      details: { problems },
    });
  }
  const body = parsed.data;
  return {
    tenant: tenantOf(body),
    change: changeOf(body),
    changedBy: body.changedBy,
    reason: body.reason,
    ifVersion: body.ifVersion,
  };
}

function tenantOf({ customerId, organizationId }: ChangeBody): TenantRef {
  if (customerId !== undefined && organizationId === undefined) return { kind: "customer", id: customerId };
  if (organizationId !== undefined && customerId === undefined)
    return { kind: "organization", id: organizationId };
  throw malformed("Name whom to change: exactly one of customerId and organizationId.");
}

function changeOf(body: ChangeBody): AdminChange {
  const single = body.path !== undefined || body.value !== undefined || body.enabled !== undefined;
  const several = body.set !== undefined || body.unset !== undefined;
  if (single && several)
    throw malformed("Send either path with value (or enabled), or set and unset: not both.");
  if (several) return severalLeaves(body);
  if (body.path === undefined)
    throw malformed("Say what to change: path with value (or enabled), or set and unset.");
  if (body.value !== undefined && body.enabled !== undefined)
    throw malformed("Send value or enabled, not both.");
  const value = body.value === undefined ? body.enabled : body.value;
  if (value === undefined)
    throw malformed(`Say what "path" is to be: add value, or enabled for a boolean flag.`);
  return { setPaths: { [body.path]: value } };
}

/** Keys with a dot are paths, the others are the top of a partial config; both may stand side by side. */
function severalLeaves({ set = {}, unset }: ChangeBody): AdminChange {
  const entries = Object.entries(set);
  if (entries.length === 0 && unset === undefined)
    throw malformed("set is empty, so there is nothing to change.");
  const [dotted, nested] = [true, false].map((wanted) =>
    entries.filter(([key]) => key.includes(".") === wanted),
  );
  return {
    ...(nested?.length ? { set: Object.fromEntries(nested) } : {}),
    ...(dotted?.length ? { setPaths: Object.fromEntries(dotted) } : {}),
    ...(unset === undefined ? {} : { unset }),
  };
}

function isFlagRecord(value: unknown): boolean {
  return isBranch(value) || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

function problemText(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return `unknown field ${issue.keys.map((key) => JSON.stringify(key.slice(0, 64))).join(", ")}.`;
  }
  return at === "" ? `${issue.message}.` : `"${at}" ${issue.message}.`;
}

/** Whether the text has a control character that is not among `allowed`. */
function hasControl(text: string, allowed: string): boolean {
  for (const character of text) {
    const code = character.charCodeAt(0);
    if ((code < 0x20 || (code >= 0x7f && code < 0xa0)) && !allowed.includes(character)) return true;
  }
  return false;
}

function malformed(message: string): FlagError {
  return new FlagError("MALFORMED_REQUEST", message);
}
