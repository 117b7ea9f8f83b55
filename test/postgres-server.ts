import type { TestProject } from "vitest/node";
import { startPostgresProcess } from "./postgres-process.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A superuser's URL of the PostgreSQL server of this test run. */
    postgresUrl: string;
  }
}

/** One server for the whole run. */
export default async function startPostgres(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgresProcess();
  project.provide("postgresUrl", server.url);
  return () => server.end();
}
