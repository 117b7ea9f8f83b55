import { Argument, Command, CommanderError, Option } from "commander";
import { isFlagError } from "../feature-flags/core/errors.ts";
import type { CliHost } from "./cli-host.ts";
import { doctor } from "./doctor.ts";
import { migrate } from "./migrate.ts";
import { packageVersion } from "./package-version.ts";
import { printable } from "./printable.ts";
import { register } from "./register/register.ts";
import { serve } from "./serve.ts";

/** Runs the command that `args` (without program names) asks for. Resolves with the exit code; never rejects. */
export async function runCli(args: readonly string[], host: CliHost): Promise<number> {
  let exitCode = 0;
  const program = createProgram(await packageVersion(), host, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    host.err.write(`strata: ${failure(error)}\n`);
    return 1;
  }
}

function createProgram(version: string, host: CliHost, done: (exitCode: number) => void): Command {
  const program = new Command("strata")
    .description("Typed, layered feature flags for multi-tenant SaaS.")
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => host.out.write(text), writeErr: (text) => host.err.write(text) });

  withStorage(program.command("serve"))
    .description("serve the admin API until told to stop")
    .option("--port <number>", "port to listen on; 0 for any (STRATA_PORT, default 4400)")
    .option("--host <address>", "address to listen on (STRATA_HOST, default 127.0.0.1)")
    .option(
      "--environment <name>",
      "whose values apply below the tenants' (STRATA_ENV, NODE_ENV, default production)",
    )
    .action(async (options) => done(await serve(options, host)));

  withStorage(program.command("migrate"))
    .description("bring the database's schema up to date")
    .action(async (options) => done(await migrate(options, host)));

  withStorage(program.command("doctor"))
    .description("list stored overrides that do not fit the flags' definition; exit code 1 if there are any")
    .option(
      "--environment <name>",
      "environment to check the rules in (STRATA_ENV, NODE_ENV, default production)",
    )
    .option("--json", "write JSON")
    .action(async (options) => done(await doctor(options, host)));

  withStorage(program.command("register"))
    .description("add or replace tenants in the directory, from a file of JSON lines or CSV")
    .addArgument(new Argument("<kind>", "what the file holds").choices(["organizations", "customers"]))
    .argument("<input>", "the file, or - for standard input")
    .addOption(new Option("--format <format>", "default: by the file's extension").choices(["jsonl", "csv"]))
    .option("--skip-bad", "report bad lines and go on, instead of stopping at the first")
    .action(async (kind, input, options) => done(await register({ ...options, kind, input }, host)));

  return program;
}

function withStorage(command: Command): Command {
  return command
    .addOption(
      new Option("--file <path>", "SQLite file (STRATA_FILE, default .strata/strata.db)").conflicts(
        "databaseUrl",
      ),
    )
    .option("--database-url <url>", "PostgreSQL URL (STRATA_DATABASE_URL)");
}

/** What went wrong, for a person: an error of ours explains itself, any other needs its stack to be understood. */
function failure(error: unknown): string {
  if (isFlagError(error)) return printable(error.message);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
