import { FlagError } from "./errors.ts";
import type { TenantRef } from "./storage.ts";
import type { TenantContext } from "./types.ts";

const MAX_ID = 255;
const CONTROL = /\p{Cc}/u;

/** INVALID_ID unless `id` is 1 to 255 characters of well-formed text without control characters. */
export function checkId(what: "customer" | "organization", id: unknown): asserts id is string {
  const flaw = idFlaw(id);
  if (flaw !== undefined) throw new FlagError("INVALID_ID", `The ${what} id ${flaw}.`);
}

/** A copy of the tenant that a change names. INVALID_ID unless it is one. */
export function checkedTenant(tenant: unknown): TenantRef {
  if (typeof tenant === "object" && tenant !== null && "kind" in tenant && "id" in tenant) {
    const { kind, id } = tenant;
    if (kind === "customer" || kind === "organization") {
      checkId(kind, id);
      return { kind, id };
    }
  }
  throw new FlagError("INVALID_ID", 'Say whose flags to change: { kind: "customer" or "organization", id }.');
}

/** The first thing wrong with a context; undefined if nothing is. */
export function contextError(context: TenantContext): FlagError | undefined {
  if (typeof context !== "object" || context === null) {
    return new FlagError("INVALID_ID", "Say who asks with an object: { customerId, organizationId }.");
  }
  for (const [what, id] of [
    ["customer", context.customerId],
    ["organization", context.organizationId],
  ] as const) {
    const flaw = id === undefined ? undefined : idFlaw(id);
    if (flaw === undefined) continue;
    const hint = id === "" ? " Leave it out to ask without one." : "";
    return new FlagError("INVALID_ID", `The ${what} id ${flaw}.${hint}`);
  }
  return undefined;
}

function idFlaw(id: unknown): string | undefined {
  if (typeof id !== "string") return `must be a string, not ${id === null ? "null" : typeof id}`;
  if (id === "") return "is empty";
  if (id.length > MAX_ID) return `has ${id.length} characters; at most ${MAX_ID} are allowed`;
  if (CONTROL.test(id)) return "holds control characters";
  return id.isWellFormed() ? undefined : "is not well-formed Unicode";
}
