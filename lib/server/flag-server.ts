import { type Context, Hono, type MiddlewareHandler } from "hono";
import { silentLog, systemClock } from "../feature-flags/core/clock.ts";
import { FlagError } from "../feature-flags/core/errors.ts";
import type { Clock, Log } from "../feature-flags/core/types.ts";
import type { AdminManager } from "./admin-manager.ts";
import type { AdminRollouts } from "./admin-rollouts.ts";
import { changeFlags, readFlags } from "./admin-routes.ts";
import { type Actor, type AdminKeys, createAuthentication } from "./authentication.ts";
import { ADMIN_ROLLOUTS_PATH, pathOf, requireCanonicalPath, rolloutNameIn } from "./canonical-path.ts";
import { errorResponse } from "./error-response.ts";
import type { BodyLimits } from "./json-body.ts";
import {
  createRollout,
  listRollouts,
  type NamedRolloutRequest,
  ROLLOUT_QUESTIONS,
  ROLLOUT_STEPS,
  readRollout,
} from "./rollout-routes.ts";

/** Where the admin API is. */
export const ADMIN_FLAGS_PATH = "/api/admin/feature-flags";

/** What the server refuses. Bytes, levels and counts. */
export interface ServerLimits extends BodyLimits {
  /** Failed attempts to authenticate, per address and per key, in a minute. */
  readonly authFailuresPerMinute: number;
}

export const DEFAULT_LIMITS: ServerLimits = Object.freeze({
  bodyBytes: 256 * 1024,
  depth: 32,
  keys: 10_000,
  keyLength: 256,
  stringLength: 64 * 1024,
  authFailuresPerMinute: 20,
});

export interface FlagServerOptions {
  readonly manager: AdminManager;
  readonly keys: AdminKeys;
  /** Serves rollouts as well. */
  readonly rollouts?: AdminRollouts;
  readonly log?: Log;
  readonly limits?: Partial<ServerLimits>;
  readonly clock?: Pick<Clock, "now">;
  /** Names a request in its answer and in the log. */
  readonly createRequestId?: () => string;
}

/** What a runtime knows about a request beside the request. */
export interface Connection {
  /** The client's IP address: what failed attempts are counted by. */
  readonly address?: string | undefined;
  /** The request target as it was sent, where the runtime has tidied it up in the request's URL. */
  readonly target?: string | undefined;
}

export interface FlagServer {
  /** Answers a request. Never rejects. */
  fetch(request: Request, connection?: Connection): Promise<Response>;
}

interface RequestState {
  Bindings: Connection;
  Variables: { actor: Actor };
}

/**
 * The admin API as a fetch handler, for any runtime that has `Request` and `Response`.
 *
 * @example
 * const server = createFlagServer({ manager, keys: { find: (id) => storage.findAdminKey(id) } });
 * export const GET = (request: Request) => server.fetch(request);
 */
export function createFlagServer(options: FlagServerOptions): FlagServer {
  const { manager, keys, log = silentLog, clock = systemClock } = options;
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const createRequestId = options.createRequestId ?? (() => globalThis.crypto.randomUUID());
  const authenticate = createAuthentication({
    keys,
    failuresPerMinute: limits.authFailuresPerMinute,
    now: () => clock.now(),
  });

  const app = new Hono<RequestState>();
  app.use(async (c, next) => {
    requireCanonicalPath(pathOf(c.req.raw.url));
    if (c.env.target !== undefined) requireCanonicalPath(pathOf(c.env.target));
    await next();
  });
  // Part of the route itself, for every method: no list of protected paths that a spelling could slip past.
  const onlyAdmins: MiddlewareHandler<RequestState> = async (c, next) => {
    const actor = await authenticate(c.req.raw.headers.get("authorization"), c.env.address);
    if (actor.role !== "admin") throw new FlagError("FORBIDDEN", "This key may not use the admin API.");
    c.set("actor", actor);
    await next();
  };
  app.use(ADMIN_FLAGS_PATH, onlyAdmins);
  app.get(ADMIN_FLAGS_PATH, (c) => readFlags(manager, c.req.raw));
  app.post(ADMIN_FLAGS_PATH, (c) => changeFlags(manager, c.req.raw, c.get("actor"), limits));
  app.all(ADMIN_FLAGS_PATH, () => refuseMethod(["GET", "HEAD", "POST"]));
  if (options.rollouts !== undefined) serveRollouts(app, options.rollouts, onlyAdmins, limits);
  const rolloutsAt = options.rollouts === undefined ? "" : ` Rollouts are at ${ADMIN_ROLLOUTS_PATH}.`;
  app.notFound(() => {
    throw new FlagError(
      "NOT_FOUND",
      `There is nothing here. The admin API is at ${ADMIN_FLAGS_PATH}.${rolloutsAt}`,
    );
  });
  app.onError((error) => {
    throw error;
  });

  return Object.freeze({
    async fetch(request: Request, connection: Connection = {}): Promise<Response> {
      const requestId = createRequestId();
      const response = await answer(app, request, connection, (error) =>
        errorResponse(error, requestId, log),
      );
      response.headers.set("x-request-id", requestId);
      return response;
    },
  });
}

function serveRollouts(
  app: Hono<RequestState>,
  rollouts: AdminRollouts,
  onlyAdmins: MiddlewareHandler<RequestState>,
  limits: ServerLimits,
): void {
  const asked = (c: Context<RequestState>) => {
    return { rollouts, limits, request: c.req.raw, actor: c.get("actor") };
  };
  const named = (c: Context<RequestState>): NamedRolloutRequest => {
    const featureName = rolloutNameIn(pathOf(c.req.raw.url));
    if (featureName === undefined) throw new FlagError("NOT_FOUND", "There is no such rollout.");
    return { ...asked(c), featureName };
  };
  const of = `${ADMIN_ROLLOUTS_PATH}/:name`;
  app.use(ADMIN_ROLLOUTS_PATH, onlyAdmins);
  app.use(of, onlyAdmins);
  app.use(`${of}/*`, onlyAdmins);
  app.get(ADMIN_ROLLOUTS_PATH, (c) => listRollouts(asked(c)));
  app.post(ADMIN_ROLLOUTS_PATH, (c) => createRollout(asked(c)));
  app.all(ADMIN_ROLLOUTS_PATH, () => refuseMethod(["GET", "HEAD", "POST"]));
  app.get(of, (c) => readRollout(named(c)));
  app.all(of, () => refuseMethod(["GET", "HEAD"]));
  for (const [name, step] of Object.entries(ROLLOUT_STEPS)) {
    app.post(`${of}/${name}`, (c) => step(named(c)));
    app.all(`${of}/${name}`, () => refuseMethod(["POST"]));
  }
  for (const [name, question] of Object.entries(ROLLOUT_QUESTIONS)) {
    app.get(`${of}/${name}`, (c) => question(named(c)));
    app.all(`${of}/${name}`, () => refuseMethod(["GET", "HEAD"]));
  }
}

function refuseMethod(allow: readonly string[]): never {
  throw new FlagError("METHOD_NOT_ALLOWED", `Use ${allow.join(", ")} here.`, { details: { allow } });
}

async function answer(
  app: Hono<RequestState>,
  request: Request,
  connection: Connection,
  failed: (error: unknown) => Response,
): Promise<Response> {
  try {
    return await app.fetch(request, connection);
  } catch (error) {
    const response = failed(error);
    return request.method === "HEAD" ? new Response(null, response) : response;
  }
}
