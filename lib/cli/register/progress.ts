import type { CliOutput } from "../cli-host.ts";

/** Tells how far a registration is: on a terminal in one line that is rewritten, elsewhere now and then. */
export interface Progress {
  stored(count: number): void;
  /** A line that must not be lost. */
  flaw(text: string): void;
  /** Leaves the terminal at the start of a line. */
  end(): void;
}

const EVERY = 100_000;
const MOST_FLAWS = 1_000;

export function registrationProgress(output: CliOutput, kind: string): Progress {
  const onTerminal = output.isTTY === true;
  let pending = false;
  let told = 0;
  let flaws = 0;

  function clear(): void {
    if (pending) output.write("\r\u001b[K");
    pending = false;
  }

  return Object.freeze({
    stored(count: number): void {
      const text = `${count.toLocaleString("en-US")} ${kind} registered`;
      if (onTerminal) {
        output.write(`\r${text}\u001b[K`);
        pending = true;
      } else if (count - told >= EVERY) {
        output.write(`${text}\n`);
        told = count;
      }
    },
    flaw(text: string): void {
      flaws += 1;
      clear();
      if (flaws <= MOST_FLAWS) output.write(`${text}\n`);
      if (flaws === MOST_FLAWS) output.write("Further bad lines are counted, not shown.\n");
    },
    end: clear,
  });
}
