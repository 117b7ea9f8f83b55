import type { FeedNotice } from "../../feature-flags/core/storage.ts";
import type { Clock } from "../../feature-flags/core/types.ts";
import { type BoundedWait, boundedWait } from "./bounded-wait.ts";
import { isWrongCredentials, refusesStatement } from "./errors.ts";
import { parseNotice } from "./notice.ts";
import type { PostgresClientLike } from "./pool.ts";

export interface SessionOptions {
  readonly channel: string;
  /** A connection to listen on. It is released with an error, for what listens cannot be lent to others again. */
  readonly connect: () => Promise<PostgresClientLike>;
  /** Sends a notice the way commits do: through the pool, so that a pooler between shows. */
  readonly notify: (payload: string) => Promise<void>;
  /** Told of every notice, with what it says where that can be read. */
  readonly tell: (notice?: FeedNotice) => void;
  readonly clock: Clock;
  /** Told each statement before it runs. */
  readonly onQuery: ((sql: string) => void) | undefined;
}

/** Why a session is over: its connection broke, notices cannot work here, or the login is refused. */
export interface SessionEnd {
  readonly why: "lost" | "impossible" | "locked out";
  readonly error: unknown;
}

/** Notices cannot work on this connection, however often it is made. */
export class NoticesImpossible extends Error {
  override readonly name = "NoticesImpossible";
}

const CONNECT_WITHIN = 5_000;
const ANSWER_WITHIN = 5_000;
/** Together with connecting, a pooler that swallows notices is found within two seconds. */
const PROBE_WITHIN = 1_500;
const HEALTH_EVERY = 15_000;
const PROBE = "probe ";

/**
 * Listens on one connection until that is lost or `signal` is aborted; never rejects. `onProved` is called once a
 * notice sent through the pool has arrived. From then on the connection is asked now and then whether it is still
 * there, because a network that swallows everything breaks nothing.
 */
export async function listenUntilLost(
  options: SessionOptions,
  onProved: () => void,
  signal: AbortSignal,
): Promise<SessionEnd> {
  const broken = new AbortController();
  const wait = boundedWait(options.clock, AbortSignal.any([signal, broken.signal]));
  let client: PostgresClientLike | undefined;
  try {
    client = await connected(options, wait);
    client.unref?.();
    client.on("error", (error) => broken.abort(error));
    client.on("end", () => broken.abort(new Error("The server closed the connection.")));
    await prove(client, options, wait);
    onProved();
    for (;;) {
      await wait.pause(HEALTH_EVERY);
      await ask(client, "select 1", options, wait);
    }
  } catch (error) {
    return { why: reasonOf(error), error };
  } finally {
    client?.release(new Error("No longer listened on."));
  }
}

async function connected(options: SessionOptions, wait: BoundedWait): Promise<PostgresClientLike> {
  const connecting = options.connect();
  try {
    return await wait.within(CONNECT_WITHIN, "Connecting", connecting);
  } catch (error) {
    // It may still come, when nobody waits for it any more.
    connecting.then(
      (late) => late.release(new Error("Came too late.")),
      () => undefined,
    );
    throw error;
  }
}

async function prove(client: PostgresClientLike, options: SessionOptions, wait: BoundedWait): Promise<void> {
  const { channel, clock, tell, notify } = options;
  const probe = `${PROBE}${crypto.randomUUID()}`;
  const { promise: arrived, resolve } = Promise.withResolvers<boolean>();
  client.on("notification", ({ payload }) => {
    if (payload === probe) resolve(true);
    else if (payload?.startsWith(PROBE) !== true) tell(parseNotice(payload));
  });
  try {
    await ask(client, `listen "${channel}"`, options, wait);
  } catch (cause) {
    throw refusesStatement(cause) ? new NoticesImpossible("LISTEN is refused.", { cause }) : cause;
  }
  await wait.within(ANSWER_WITHIN, "Sending a notice through the pool", notify(probe));
  // Nothing is asked meanwhile: a pooler would hand over what its server connection holds back, and seem to work.
  const cancel = clock.setTimer(() => resolve(false), PROBE_WITHIN);
  try {
    if (await wait.within(ANSWER_WITHIN, "The probe", arrived)) return;
  } finally {
    cancel();
  }
  // Whether notices are swallowed, or everything is.
  await ask(client, "select 1", options, wait);
  throw new NoticesImpossible("A notice sent through the pool did not arrive.");
}

async function ask(
  client: PostgresClientLike,
  text: string,
  { onQuery }: SessionOptions,
  wait: BoundedWait,
): Promise<void> {
  onQuery?.(text);
  await wait.within(ANSWER_WITHIN, `The answer to "${text}"`, client.query({ text, values: [] }));
}

function reasonOf(error: unknown): SessionEnd["why"] {
  if (error instanceof NoticesImpossible) return "impossible";
  return isWrongCredentials(error) ? "locked out" : "lost";
}
