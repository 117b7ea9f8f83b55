import type { AdminManager } from "./admin-manager.ts";
import type { Actor } from "./authentication.ts";
import { parseChangeRequest } from "./change-request.ts";
import { evaluationFacts, listFlags } from "./flag-listing.ts";
import { type BodyLimits, readJsonBody } from "./json-body.ts";
import { jsonResponse } from "./json-response.ts";
import { parseContextQuery } from "./request-query.ts";

/** GET: every flag as one tenant sees it, with the layer that set each; one query, never from a cache. */
export async function readFlags(manager: AdminManager, request: Request): Promise<Response> {
  const context = parseContextQuery(request.url);
  const evaluation = await manager.getFlags(context, { fresh: true });
  if (evaluation.error !== undefined) throw evaluation.error;
  return jsonResponse(
    {
      flags: listFlags(manager, evaluation, context),
      mismatches: evaluation.mismatches,
      violations: evaluation.violations,
      evaluation: evaluationFacts(evaluation),
    },
    200,
  );
}

/** POST: one change of one tenant's override. Who changes it is the credential, whatever the body says. */
export async function changeFlags(
  manager: AdminManager,
  request: Request,
  actor: Actor,
  limits: BodyLimits,
): Promise<Response> {
  const asked = parseChangeRequest(await readJsonBody(request, limits));
  const done = await manager.updateOverride(asked.tenant, asked.change, {
    changedBy: actor.name,
    onBehalfOf: asked.changedBy,
    reason: asked.reason,
    ifVersion: asked.ifVersion,
  });
  return jsonResponse(
    {
      version: done.version,
      revision: done.revision ?? null,
      changeId: done.changeId ?? null,
      changed: done.changes.length,
      changes: done.changes,
    },
    200,
  );
}
