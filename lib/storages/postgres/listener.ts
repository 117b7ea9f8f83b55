import { within } from "../../feature-flags/core/guard.ts";
import type { Clock, Log } from "../../feature-flags/core/types.ts";
import { isWrongCredentials } from "./errors.ts";
import type { PostgresClientLike } from "./pool.ts";

export interface ListenerOptions {
  readonly channel: string;
  /** A connection of its own. It is released with an error, for what listens cannot be lent to others again. */
  readonly connect: () => Promise<PostgresClientLike>;
  /** Sends a notice the way commits do: through the pool, so that a pooler between shows. */
  readonly notify: (payload: string) => Promise<void>;
  /** Told of every notice, and after every gap. */
  readonly tell: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface PostgresListener {
  /** Whether notices arrive; otherwise changes are found by polling alone. */
  readonly isListening: boolean;
  close(): void;
}

const CONNECT_WITHIN = 5_000;
const PROBE_WITHIN = 2_000;
const HEALTH_EVERY = 15_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 30_000;
const HEALTHY_AFTER = 60_000;
/** Where notices cannot work at all, asking again soon would only fill the log. */
const HOPELESS_RETRY = 300_000;

/**
 * Listens for commits on a connection of its own, from now until closed. Every connection proves itself with a notice
 * sent through the pool; a pooler that swallows it, or a server that refuses to listen, leaves changes to polling,
 * says so once, and is tried again every five minutes. A lost connection comes back after 1 to 30 seconds.
 */
export function listenForCommits(options: ListenerOptions): PostgresListener {
  const { channel, clock, random, log, tell } = options;
  let connection: PostgresClientLike | undefined;
  let cancelTimer = (): void => {};
  let listening = false;
  let closed = false;
  let attempts = 0;
  let hopeless = false;
  let since = 0;

  function later(delay: number, run: () => Promise<void>): void {
    cancelTimer();
    if (!closed) cancelTimer = clock.setTimer(() => void run(), delay);
  }

  function drop(): void {
    connection?.release(new Error("No longer listened on."));
    connection = undefined;
    listening = false;
  }

  function lost(error: unknown): void {
    if (closed) return;
    if (listening && clock.now() - since >= HEALTHY_AFTER) attempts = 0;
    const wasListening = listening;
    drop();
    const impossible = error instanceof NoticesImpossible || isWrongCredentials(error);
    if (impossible ? !hopeless : wasListening || attempts === 0) {
      const message = impossible
        ? "LISTEN does not work here (a pooler in transaction mode?): changes are polled."
        : "The listening connection is lost: changes are polled until it is back.";
      log.warn({ error }, message);
    }
    hopeless = impossible;
    const longest = impossible ? HOPELESS_RETRY : Math.min(LAST_RETRY, FIRST_RETRY * 2 ** attempts);
    attempts = Math.min(attempts + 1, 10);
    later(longest * (0.75 + random() / 4), connect);
  }

  async function connect(): Promise<void> {
    try {
      const client = await options.connect();
      connection = client;
      if (closed) drop();
      else await prove(client);
    } catch (error) {
      lost(error);
    }
  }

  async function prove(client: PostgresClientLike): Promise<void> {
    const token = `probe ${random()} ${clock.now()}`;
    const proved = Promise.withResolvers<void>();
    const broken = (error: Error): void => {
      if (connection === client) lost(error);
    };
    client.on("error", broken);
    client.on("end", () => broken(new Error("The server closed the connection.")));
    client.on("notification", ({ payload }) => {
      if (payload === token) proved.resolve();
      else if (payload?.startsWith("probe ") !== true) tell();
    });
    try {
      await client.query({ text: `listen "${channel}"`, values: [] });
    } catch (cause) {
      throw isConnectionError(cause) ? cause : new NoticesImpossible("LISTEN is refused.", { cause });
    }
    await options.notify(token);
    await within(clock, PROBE_WITHIN, proved.promise).catch((cause: unknown) => {
      throw new NoticesImpossible("A notice sent through the pool did not arrive.", { cause });
    });
    if (connection !== client) return;
    listening = true;
    since = clock.now();
    if (hopeless || attempts > 0) log.info({ channel }, "Listening for changes again.");
    hopeless = false;
    tell();
    watch(client);
  }

  function watch(client: PostgresClientLike): void {
    later(HEALTH_EVERY, async () => {
      try {
        await within(clock, CONNECT_WITHIN, client.query({ text: "select 1", values: [] }));
        if (listening) watch(client);
      } catch (error) {
        if (connection === client) lost(error);
      }
    });
  }

  void connect();
  return Object.freeze({
    get isListening(): boolean {
      return listening;
    },
    close(): void {
      closed = true;
      cancelTimer();
      drop();
    },
  });
}

/** Notices cannot work on this connection, however often it is made. */
class NoticesImpossible extends Error {}

function isConnectionError(error: unknown): boolean {
  return !(error instanceof Error && "code" in error && /^[0-9A-Z]{5}$/.test(String(error.code)));
}
