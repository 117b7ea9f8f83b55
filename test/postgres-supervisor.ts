// A process that runs a PostgreSQL server for as long as its standard input is open, and takes everything away
// then: whoever started it may end in any way, even be killed. Prints the server's URL once it takes connections.
// The line "kill" kills the server as a crash would and is answered with "killed"; "start" has it back, "started".
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type PostgresBinaries, postgresBinaries } from "./postgres-binaries.ts";
import { freePort, unprivilegedUser } from "./server-process.ts";

/** Losing power is not what these tests are about: nothing is flushed, which makes them many times faster. */
const SETTINGS = [
  ["fsync", "off"],
  ["full_page_writes", "off"],
  ["max_connections", "500"],
  ["listen_addresses", "127.0.0.1"],
  ["unix_socket_directories", ""],
].flatMap(([name, value]) => ["-c", `${name}=${value}`]);

const directory = await mkdtemp(join(tmpdir(), "strata-postgres-"));
try {
  const owner = await unprivilegedUser();
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  const binaries = await postgresBinaries(directory);
  const password = randomUUID();
  await initialize(binaries, directory, password, { ...owner });
  const port = await freePort();
  let server = await start(binaries, directory, port, { ...owner });
  process.stdout.write(`postgres://postgres:${password}@127.0.0.1:${port}/postgres\n`);
  for await (const order of createInterface(process.stdin)) {
    if (order === "kill") await stop(server, "SIGKILL");
    else server = await startAgain(binaries, directory, port, { ...owner });
    process.stdout.write(order === "kill" ? "killed\n" : "started\n");
  }
  await stop(server, "SIGINT");
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function initialize(
  { initdb }: PostgresBinaries,
  directory: string,
  password: string,
  owner: SpawnOptions,
): Promise<void> {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, password);
  // A language's collation and not plain bytes, as servers have it: an order that only holds for bytes shows.
  const locale = ["--locale=C", "--locale-provider=icu", "--icu-locale=en-US", "--encoding=UTF8"];
  const access = ["--username=postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  const child = spawn(initdb, [`--pgdata=${join(directory, "data")}`, "--no-sync", ...locale, ...access], {
    ...owner,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = listen(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${said.join("")}`);
}

async function start(
  { postgres }: PostgresBinaries,
  directory: string,
  port: number,
  owner: SpawnOptions,
): Promise<ChildProcess> {
  const child = spawn(postgres, ["-D", join(directory, "data"), "-p", String(port), ...SETTINGS], {
    ...owner,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = listen(child);
  await new Promise<void>((ready, failed) => {
    child.stderr?.on("data", () => {
      if (said.join("").includes("ready to accept connections")) ready();
    });
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`PostgreSQL ended with ${code}: ${said.join("")}`)));
  });
  // What it logs is of no interest any more, but a full pipe would stop it.
  child.stderr?.removeAllListeners("data").resume();
  return child;
}

/** The processes of a killed server outlive it for a moment, and keep the next one from starting. */
async function startAgain(...server: Parameters<typeof start>): Promise<ChildProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(...server);
    } catch (error) {
      if (attempt === 50) throw error;
      await delay(100);
    }
  }
}

async function stop(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill(signal);
  await ended;
}

function listen(child: ChildProcess): string[] {
  const said: string[] = [];
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  return said;
}
