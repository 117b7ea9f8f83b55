import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliHost } from "../../lib/cli/cli-host.ts";
import { runCli } from "../../lib/cli/program.ts";
import { manualClock } from "../../lib/testing/manual-clock.ts";

export interface RecordingHost extends CliHost {
  /** What was written so far. */
  readonly printed: { readonly out: string; readonly err: string };
  /** As a signal would. */
  stop(signal?: string): void;
}

export interface RecordingHostOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly terminal?: boolean;
}

/** A process as a command sees it, with everything it writes kept. */
export function recordingHost(options: RecordingHostOptions = {}): RecordingHost {
  const { env = {}, cwd = "/nowhere", stdin = "", terminal = false } = options;
  const printed = { out: "", err: "" };
  const listeners = new Set<(signal: string) => void>();
  const output = (stream: "out" | "err") => ({
    isTTY: terminal,
    write(text: string): void {
      printed[stream] += text;
    },
  });
  return {
    env,
    cwd,
    clock: manualClock(),
    printed,
    stdin: chunks(stdin),
    out: output("out"),
    err: output("err"),
    onStop(stop) {
      listeners.add(stop);
      return () => void listeners.delete(stop);
    },
    stop(signal = "SIGTERM") {
      for (const listener of listeners) listener(signal);
    },
  };
}

/** Text as a stream would bring it: in pieces that end in the middle of things. */
export async function* chunks(text: string | Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** An empty directory, and commands that run in it. */
export async function workplace() {
  const directory = await mkdtemp(join(tmpdir(), "strata-cli-"));
  return {
    directory,
    file: (name: string) => join(directory, name),
    async write(name: string, content: string | Uint8Array): Promise<string> {
      await writeFile(join(directory, name), content);
      return join(directory, name);
    },
    async run(args: readonly string[], options: RecordingHostOptions = {}) {
      const host = recordingHost({ cwd: directory, ...options });
      const code = await runCli(args, host);
      return { code, ...host.printed };
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
