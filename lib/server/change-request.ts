import { z } from "zod";
import { FlagError } from "../feature-flags/core/errors.ts";
import type { PatchInput } from "../feature-flags/core/patch.ts";
import { isPlainObject } from "../feature-flags/core/paths.ts";
import type { TenantRef } from "../feature-flags/core/storage.ts";
import type { FlagObject, FlagValue } from "../feature-flags/core/types.ts";
import { lineText, parseBody, reasonText, versionNumber } from "./body-problems.ts";

/** A change as a body asks for it. */
export interface ChangeRequest {
  readonly tenant: TenantRef;
  readonly change: PatchInput;
  /** On whose behalf the credential acts. */
  readonly changedBy: string | undefined;
  readonly reason: string | undefined;
  readonly ifVersion: number | undefined;
}

// A body comes out of JSON.parse, so whatever is defined in it is a flag value.
const flagValue = z.custom<FlagValue>((value) => value !== undefined, "must be a value");
const flagObject = z.custom<FlagObject>(isPlainObject, "must be an object of flags");

const changeBody = z.strictObject({
  path: z.string().min(1).optional(),
  value: flagValue.optional(),
  enabled: z.boolean().optional(),
  set: flagObject.optional(),
  unset: z.array(z.string().min(1)).min(1).optional(),
  customerId: z.string().optional(),
  organizationId: z.string().optional(),
  changedBy: lineText.optional(),
  reason: reasonText.optional(),
  ifVersion: versionNumber.optional(),
});
type ChangeBody = z.infer<typeof changeBody>;

/**
 * The change that a body asks for: `{ path, value | enabled }` or `{ set, unset }`, for exactly one tenant.
 * Throws MALFORMED_REQUEST with every problem in `details.problems`.
 */
export function parseChangeRequest(json: unknown): ChangeRequest {
  const body = parseBody(changeBody, json);
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

function changeOf(body: ChangeBody): PatchInput {
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
  return { set: { [body.path]: value } };
}

/** Keys of `set` may be nested or dotted, side by side. */
function severalLeaves({ set, unset }: ChangeBody): PatchInput {
  if (unset === undefined && Object.keys(set ?? {}).length === 0) {
    throw malformed("set is empty, so there is nothing to change.");
  }
  return { set, unset };
}

function malformed(message: string): FlagError {
  return new FlagError("MALFORMED_REQUEST", message);
}
