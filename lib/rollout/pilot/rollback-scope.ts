import { FlagError } from "../../feature-flags/core/errors.ts";
import { isPlainObject } from "../../feature-flags/core/paths.ts";
import type { TenantRef } from "../../feature-flags/core/storage.ts";
import { checkedTenant } from "../../feature-flags/core/tenant-id.ts";

/** The one tenant that a rollout is taken from. */
export type RollbackScope = { readonly customerId: string } | { readonly organizationId: string };

/** The tenant that a scope names. INVALID_PATCH unless it is one; INVALID_ID for its id. */
export function scopedTenant(scope: unknown): TenantRef {
  if (isPlainObject(scope)) {
    const { customerId, organizationId } = scope;
    if (customerId !== undefined && organizationId === undefined) {
      return checkedTenant({ kind: "customer", id: customerId });
    }
    if (organizationId !== undefined && customerId === undefined) {
      return checkedTenant({ kind: "organization", id: organizationId });
    }
  }
  throw new FlagError(
    "INVALID_PATCH",
    "A rollback's scope is { customerId } or { organizationId }, and not both.",
  );
}
