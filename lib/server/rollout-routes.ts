import { FlagError } from "../feature-flags/core/errors.ts";
import type { AdminRollouts, RolloutChanged } from "./admin-rollouts.ts";
import type { Actor } from "./authentication.ts";
import { type BodyLimits, readJsonBody } from "./json-body.ts";
import { jsonResponse } from "./json-response.ts";
import { parseQuery } from "./request-query.ts";
import { creationRequest, rollbackRequest, stepRequest } from "./rollout-request.ts";

export interface RolloutRequest {
  readonly rollouts: AdminRollouts;
  readonly request: Request;
  readonly actor: Actor;
  readonly limits: BodyLimits;
}

/** One that is about the rollout which its path names. */
export interface NamedRolloutRequest extends RolloutRequest {
  readonly featureName: string;
}

/** What a POST can do to a rollout, by the last segment of its path. */
export const ROLLOUT_STEPS = {
  start: step((rollouts) => rollouts.startRollout),
  pause: step((rollouts) => rollouts.pauseRollout),
  resume: step((rollouts) => rollouts.resumeRollout),
  advance: step((rollouts) => rollouts.advanceRollout),
  async rollback({ rollouts, featureName, request, actor, limits }: NamedRolloutRequest): Promise<Response> {
    const { reason, options } = rollbackRequest(await readJsonBody(request, limits), actor);
    return changed(await rollouts.rollbackFeature(featureName, reason, options), 200);
  },
};

/** What a GET can ask of a rollout, by the last segment of its path. */
export const ROLLOUT_QUESTIONS = {
  async statistics({ rollouts, featureName, request }: NamedRolloutRequest): Promise<Response> {
    const { period } = parseQuery(request.url, ["period"]);
    const milliseconds = period === undefined ? undefined : positive("period", period);
    return jsonResponse(await rollouts.getRolloutStats(featureName, { period: milliseconds }), 200);
  },
  async forecast({ rollouts, featureName, request }: NamedRolloutRequest): Promise<Response> {
    const { tier } = parseQuery(request.url, ["tier"]);
    if (tier === undefined) throw malformed("Say which tier: ?tier=tier_2_early_adopters.");
    return jsonResponse(await rollouts.forecast(featureName, tier), 200);
  },
};

export async function listRollouts({ rollouts, request }: RolloutRequest): Promise<Response> {
  parseQuery(request.url, []);
  return jsonResponse({ rollouts: await rollouts.listRollouts() }, 200);
}

export async function createRollout({ rollouts, request, actor, limits }: RolloutRequest): Promise<Response> {
  const { input, meta } = creationRequest(await readJsonBody(request, limits), actor);
  return changed(await rollouts.createRolloutFrom(input, meta), 201);
}

export async function readRollout({
  rollouts,
  featureName,
  request,
}: NamedRolloutRequest): Promise<Response> {
  parseQuery(request.url, []);
  const rollout = await rollouts.getRolloutConfig(featureName);
  if (rollout === undefined) throw new FlagError("NOT_FOUND", `There is no rollout "${featureName}".`);
  return jsonResponse({ rollout }, 200);
}

type Step = (featureName: string, meta: ReturnType<typeof stepRequest>) => Promise<RolloutChanged>;

function step(of: (rollouts: AdminRollouts) => Step) {
  return async (asked: NamedRolloutRequest): Promise<Response> => {
    const { rollouts, featureName, request, actor, limits } = asked;
    const meta = stepRequest(await readJsonBody(request, limits), actor);
    return changed(await of(rollouts).call(rollouts, featureName, meta), 200);
  };
}

function changed({ rollout, version, revision, changeId }: RolloutChanged, status: 200 | 201): Response {
  const answer = { rollout, version, revision: revision ?? null, changeId: changeId ?? null };
  return jsonResponse(answer, status);
}

function positive(name: string, text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (number > 0) return number;
  throw malformed(`${name} must be a whole number of milliseconds from 1.`);
}

function malformed(message: string): FlagError {
  return new FlagError("MALFORMED_REQUEST", message);
}
