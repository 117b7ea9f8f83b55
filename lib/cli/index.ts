#!/usr/bin/env node
import { systemClock } from "../feature-flags/core/clock.ts";
import { processHost } from "./cli-host.ts";
import { runCli } from "./program.ts";

// A reader that has seen enough (`strata doctor | head`) closes the pipe: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});
process.exitCode = await runCli(process.argv.slice(2), processHost(systemClock));
// Fires only where something that hangs keeps the process alive.
setTimeout(() => process.exit(), 2_000).unref();
