import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A script of this directory in a process of its own, with what it has said so far. */
export interface ScriptProcess {
  /** The whole lines of its output, growing. A line that a kill cut short is none. */
  readonly lines: readonly string[];
  /** Resolves once it has said enough. Rejects if it ends, or half a minute goes by, before. */
  until(isEnough: (lines: readonly string[]) => boolean): Promise<void>;
  /** Stops it where it stands, with SIGSTOP (Linux). Only `kill` ends that. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits until it is gone and all its output has been read. */
  kill(): Promise<void>;
  /** Waits for the end: the exit code, or the signal that brought it. */
  end(): Promise<number | NodeJS.Signals>;
}

const LONGEST_WAIT = 30_000;
const running = new Set<ChildProcess>();
// What one process has compiled, the next one need not: half the time of a start.
const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/strata-faults", import.meta.url));
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Runs `script` (a file of this directory) with one argument, as JSON. */
export function runScript(script: string, argument: object): ScriptProcess {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=strata-source", file, JSON.stringify(argument)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  running.add(child);
  const lines: string[] = [];
  const errors: string[] = [];
  const watchers = new Set<() => void>();
  let rest = "";
  let ended: number | NodeJS.Signals | undefined;

  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    for (const look of watchers) look();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => errors.push(chunk));
  child.once("close", (code, signal) => {
    running.delete(child);
    ended = signal ?? code ?? -1;
    for (const look of watchers) look();
  });

  async function end(): Promise<number | NodeJS.Signals> {
    if (ended === undefined) await once(child, "close");
    return ended ?? -1;
  }

  return Object.freeze({
    lines,
    until(isEnough) {
      return new Promise<void>((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(deadline);
          watchers.delete(look);
          settle();
        };
        const look = () => {
          if (isEnough(lines)) finish(resolve);
          else if (ended !== undefined) {
            finish(() => reject(new Error(`${script} ended with ${ended}: ${errors.join("")}`)));
          }
        };
        const tooLong = () => reject(new Error(`${script} is silent: ${lines.at(-1)} ${errors.join("")}`));
        const deadline = setTimeout(() => finish(tooLong), LONGEST_WAIT);
        watchers.add(look);
        look();
      });
    },
    async stop() {
      child.kill("SIGSTOP");
      while (ended === undefined && !(await isStopped(child.pid))) await delay(1);
    },
    async kill() {
      child.kill("SIGKILL");
      await end();
    },
    end,
  } satisfies ScriptProcess);
}

/** Whether none of its threads can do anything more. */
async function isStopped(pid: number | undefined): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(
    threads.map(async (thread) => /\) (.)/.exec(await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8"))),
  );
  return states.every((state) => state?.[1] === "T");
}
