import { z } from "zod";
import { FlagError } from "../feature-flags/core/errors.ts";
import { isPlainObject } from "../feature-flags/core/paths.ts";
import type { RolloutChangeMeta } from "./admin-rollouts.ts";
import type { Actor } from "./authentication.ts";
import { lineText, parseBody, reasonText, versionNumber } from "./body-problems.ts";

const why = { changedBy: lineText.optional(), reason: reasonText.optional() };
const stepBody = z.strictObject({ ...why, ifVersion: versionNumber.optional() });
const rollbackBody = stepBody.extend({
  customerId: z.string().optional(),
  organizationId: z.string().optional(),
});
const creating = z.object(why);

/** What a body asks for beside the step itself. Who acts is the credential, whatever the body says. */
export function stepRequest(json: unknown, actor: Actor): RolloutChangeMeta {
  const { changedBy, reason, ifVersion } = parseBody(stepBody, json);
  return { changedBy: actor.name, onBehalfOf: changedBy, reason, ifVersion };
}

/** A rollback, of everybody or of the one tenant that the body names. */
export function rollbackRequest(json: unknown, actor: Actor) {
  const { changedBy, reason, ifVersion, customerId, organizationId } = parseBody(rollbackBody, json);
  const meta = { changedBy: actor.name, onBehalfOf: changedBy, ifVersion };
  if (customerId !== undefined && organizationId !== undefined) {
    throw new FlagError(
      "MALFORMED_REQUEST",
      "Take it from customerId or from organizationId, not from both.",
    );
  }
  const scope =
    customerId !== undefined ? { customerId } : organizationId !== undefined ? { organizationId } : undefined;
  return { reason, options: { ...meta, scope } };
}

/** A new rollout: the body less who and why. What it may hold is for whoever makes it to say. */
export function creationRequest(json: unknown, actor: Actor) {
  const { changedBy, reason } = parseBody(creating, json);
  const { changedBy: _, reason: __, ...input } = isPlainObject(json) ? json : {};
  const meta: RolloutChangeMeta = { changedBy: actor.name, onBehalfOf: changedBy, reason };
  return { input, meta };
}
