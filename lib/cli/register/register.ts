import { once } from "node:events";
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { CliHost } from "../cli-host.ts";
import type { StorageOptions } from "../open-storage.ts";
import { openStorage } from "../open-storage.ts";
import { printable } from "../printable.ts";
import { readCsvLines } from "./csv-lines.ts";
import { readJsonLines } from "./json-lines.ts";
import { registrationProgress } from "./progress.ts";
import { type Registration, registerLines } from "./registration.ts";
import type { TenantKind } from "./tenant-line.ts";

export interface RegisterOptions extends StorageOptions {
  readonly kind: TenantKind;
  /** A file's path, or "-" for standard input. */
  readonly input: string;
  readonly format?: "jsonl" | "csv" | undefined;
  readonly skipBad?: boolean | undefined;
}

/** `strata register`: tenants from a file into the directory. Exit code 1 if it stopped at a bad line. */
export async function register(options: RegisterOptions, host: CliHost): Promise<number> {
  const { kind, skipBad = false } = options;
  const read = formatOf(options) === "csv" ? readCsvLines : readJsonLines;
  const source = await openInput(options.input, host);
  const storage = await openStorage(options, host);
  const progress = registrationProgress(host.err, kind);
  try {
    const done = await registerLines({
      lines: read(source, kind),
      store: (records) =>
        kind === "customers" ? storage.registerCustomers(records) : storage.registerOrganizations(records),
      skipBad,
      onFlaw: (line, flaw) => progress.flaw(`line ${line}: ${printable(flaw)}`),
      onStored: (stored) => progress.stored(stored),
    });
    progress.end();
    host.out.write(`${summary(done, kind)}\n`);
    return done.stoppedAt === undefined ? 0 : 1;
  } finally {
    progress.end();
    await storage.close();
  }
}

function formatOf({ format, input }: RegisterOptions): "jsonl" | "csv" {
  if (format !== undefined) return format;
  if (/\.csv$/i.test(input)) return "csv";
  if (/\.(jsonl|ndjson)$/i.test(input)) return "jsonl";
  throw new FlagError(
    "MALFORMED_REQUEST",
    `Cannot tell the format of ${input === "-" ? "standard input" : input}. Add --format jsonl or --format csv.`,
  );
}

/** Opens the file before anything else is touched: a mistyped name must not leave an empty database behind. */
async function openInput(input: string, host: CliHost): Promise<AsyncIterable<Uint8Array>> {
  if (input === "-") return host.stdin;
  const path = resolve(host.cwd, input);
  const stream = createReadStream(path);
  try {
    await once(stream, "open");
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return readingFrom(stream, path);
}

async function* readingFrom(stream: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): FlagError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FlagError("MALFORMED_REQUEST", `Cannot read ${path}: ${reason}`, { cause });
}

function summary({ stored, bad, stoppedAt }: Registration, kind: TenantKind): string {
  const count = `${stored.toLocaleString("en-US")} ${stored === 1 ? kind.slice(0, -1) : kind}`;
  if (stoppedAt === undefined) {
    return `Registered ${count}${bad === 0 ? "" : `; skipped ${bad} bad ${bad === 1 ? "line" : "lines"}`}.`;
  }
  return (
    `Stopped at line ${stoppedAt}. The ${count} before it ${stored === 1 ? "is" : "are"} registered. ` +
    "Mend the line and run this again: registering anew does no harm."
  );
}
