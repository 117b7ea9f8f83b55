import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const COMMAND = fileURLToPath(new URL("../../lib/cli/index.ts", import.meta.url));

export interface ServedProcess {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** The address it printed. */
  readonly url: string;
  /** Sends the signal; resolves with the exit code once it has ended. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The environment of a user who has set nothing for Strata. */
function plainEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...extra };
}

function start(args: readonly string[], directory: string, env: Record<string, string>) {
  const child = spawn(process.execPath, ["--conditions=strata-source", COMMAND, ...args], {
    cwd: directory,
    env: plainEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    written.err += text;
  });
  return { child, written, closed: once(child, "close") };
}

/** `strata` with these arguments, until it ends by itself. */
export async function runProcess(
  args: readonly string[],
  directory: string,
  env: Record<string, string> = {},
) {
  const { child, written, closed } = start(args, directory, env);
  await closed;
  return { code: child.exitCode, ...written };
}

/** `strata serve` on any free port, once it has said all it has to say. */
export async function serveProcess(
  directory: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<ServedProcess> {
  const { child, written, closed } = start(["serve", "--port", "0", ...args], directory, env);
  const ready = Promise.withResolvers<void>();
  child.stdout.on("data", () => {
    if (written.out.includes("Press Ctrl+C to stop.\n")) ready.resolve();
  });
  await Promise.race([ready.promise, closed]);
  const url = /is ready at (\S+)/.exec(written.out)?.[1];
  if (url === undefined) throw new Error(`strata serve did not start:\n${written.out}\n${written.err}`);
  return {
    process: child,
    out: () => written.out,
    err: () => written.err,
    url,
    async end(signal = "SIGTERM") {
      child.kill(signal);
      await closed;
      return child.exitCode;
    },
  };
}

/** What a shell prints when this is pasted into it. */
export async function paste(line: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)("bash", ["-c", line], { env: plainEnvironment(env) });
  return stdout;
}

/** The lines that `serve` tells to try. */
export function curlLines(printed: string): [string, string, string] {
  const [first, second, third, ...more] = printed.split("\n").filter((line) => line.startsWith("curl "));
  if (first === undefined || second === undefined || third === undefined || more.length > 0) {
    throw new Error(`not three curl lines:\n${printed}`);
  }
  return [first, second, third];
}
