import type { FeedNotice } from "../../feature-flags/core/storage.ts";
import type { Clock, Log } from "../../feature-flags/core/types.ts";
import { createBackoff } from "./backoff.ts";
import { boundedWait } from "./bounded-wait.ts";
import { listenUntilLost, type SessionEnd, type SessionOptions } from "./listening-session.ts";

export interface ListenerOptions extends Omit<SessionOptions, "tell"> {
  /** Told of every notice, with what it says; and without after every gap, and when listening is lost. */
  readonly tell: (notice?: FeedNotice) => void;
  readonly clock: Clock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly log: Log;
}

export interface PostgresListener {
  /** Whether notices arrive; otherwise changes are found by polling alone. */
  readonly isListening: boolean;
  close(): void;
}

const HEALTHY_AFTER = 60_000;
/** Where trying again soon is no use: notices cannot work, or the login is refused. */
const HOPELESS_RETRY = 300_000;

/**
 * Listens for commits on a connection of its own, from now until closed. Every connection proves itself with a notice
 * sent through the pool; a pooler that swallows it, or a server that refuses to listen, leaves changes to polling,
 * says so once, and is tried again every five minutes. A lost connection comes back after 1 to 30 seconds.
 */
export function listenForCommits(options: ListenerOptions): PostgresListener {
  const { clock, random, log, tell } = options;
  const closing = new AbortController();
  const { pause } = boundedWait(clock, closing.signal);
  const backoff = createBackoff(random);
  let listeningSince: number | undefined;
  /** The kind of failure that was reported last, until notices arrive again. */
  let reported: SessionEnd["why"] | undefined;

  function proved(): void {
    listeningSince = clock.now();
    if (reported !== undefined) log.info({ channel: options.channel }, "Listening for changes again.");
    reported = undefined;
    tell();
  }

  function report({ why, error }: SessionEnd): void {
    if (reported === why) return;
    reported = why;
    if (why === "locked out") log.error({ error }, LOCKED_OUT);
    else log.warn({ error }, why === "lost" ? LOST : IMPOSSIBLE);
  }

  async function follow(): Promise<void> {
    while (!closing.signal.aborted) {
      const end = await listenUntilLost(options, proved, closing.signal);
      if (closing.signal.aborted) return;
      const wasListening = listeningSince !== undefined;
      if (listeningSince !== undefined && clock.now() - listeningSince >= HEALTHY_AFTER) backoff.reset();
      listeningSince = undefined;
      report(end);
      if (wasListening) tell();
      await pause(end.why === "lost" ? backoff.next() : HOPELESS_RETRY * (0.75 + random() / 2));
    }
  }

  follow().catch((error: unknown) => {
    if (!closing.signal.aborted) log.error({ error }, "Listening for changes ended: they are polled.");
  });
  return Object.freeze({
    get isListening(): boolean {
      return listeningSince !== undefined;
    },
    close(): void {
      listeningSince = undefined;
      closing.abort(new Error("Nobody listens any more."));
    },
  });
}

const LOST = "The listening connection is lost: changes are polled until it is back.";
const IMPOSSIBLE = "LISTEN does not work here (a pooler in transaction mode?): changes are polled.";
const LOCKED_OUT =
  "PostgreSQL refuses the login that is to listen for changes: they are polled. Correct the credentials.";
