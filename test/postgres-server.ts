import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A superuser's URL of the PostgreSQL server of this test run. */
    postgresUrl: string;
  }
}

const SUPERVISOR = fileURLToPath(new URL("postgres-supervisor.ts", import.meta.url));

/** One server for the whole run. It and its data are gone when the run is over, however that ends. */
export default async function startPostgres(project: TestProject): Promise<() => Promise<void>> {
  // In a group of its own, so that an interrupt from the keyboard leaves it to clean up.
  const supervisor = spawn(process.execPath, [SUPERVISOR], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const ended = once(supervisor, "exit");
  const url = await Promise.race([
    once(createInterface(supervisor.stdout), "line").then(([line]) => String(line)),
    ended.then(([code]) => Promise.reject(new Error(`The PostgreSQL server did not start (${code}).`))),
  ]);
  project.provide("postgresUrl", url);
  return async () => {
    supervisor.stdin.end();
    await ended;
  };
}
