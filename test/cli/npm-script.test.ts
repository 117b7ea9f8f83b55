import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { workplace } from "./recording-host.ts";

const command = fileURLToPath(new URL("../../lib/cli/index.ts", import.meta.url));

test("a server that npm started ends with npm, though the shell between them passes nothing on", async () => {
  const place = await workplace();
  try {
    const script = `"${process.execPath}" --conditions=strata-source "${command}" serve --port 0; true`;
    const { PATH = "" } = process.env;
    const shell = spawn("sh", ["-c", script], {
      cwd: place.directory,
      env: { PATH, npm_lifecycle_event: "start" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    const ready = Promise.withResolvers<void>();
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        if (printed.includes("Press Ctrl+C to stop.")) ready.resolve();
      });
    }
    await ready.promise;
    // The pipes close once the last process that holds them has ended: the server itself.
    const closed = once(shell, "close");
    shell.kill("SIGTERM");
    await closed;
    expect(printed).toContain("Stopping on the end of the npm script");
    expect(printed).toContain("Stopped.");
  } finally {
    await place.remove();
  }
});
