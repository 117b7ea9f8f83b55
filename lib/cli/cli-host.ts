import type { Settings } from "../feature-flags/core/environment.ts";
import type { Clock } from "../feature-flags/core/types.ts";

/** Where a command writes: `process.stdout` fits as it is. */
export interface CliOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** All that a command may know of the process it runs in. */
export interface CliHost {
  readonly env: Settings;
  /** What relative paths start from. */
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly out: CliOutput;
  readonly err: CliOutput;
  readonly clock: Clock;
  /** Calls `stop` once, on the first request to end; the returned function takes that back. */
  onStop(stop: (signal: string) => void): () => void;
}

/** The process this runs in. */
export function processHost(clock: Clock): CliHost {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    out: process.stdout,
    err: process.stderr,
    clock,
    onStop(stop) {
      const signals = ["SIGINT", "SIGTERM"] as const;
      // A second signal finds no listener and ends the process at once, as impatient people expect.
      const listener = (signal: string) => {
        forget();
        stop(signal);
      };
      // npm passes a signal on to the shell between us, which dies of it without a word to us.
      const parent = process.ppid;
      const orphaned = () => process.ppid !== parent && listener("the end of the npm script");
      const watch = process.env.npm_lifecycle_event === undefined ? undefined : setInterval(orphaned, 500);
      watch?.unref();
      const forget = () => {
        clearInterval(watch);
        for (const signal of signals) process.off(signal, listener);
      };
      for (const signal of signals) process.on(signal, listener);
      return forget;
    },
  };
}
