import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { freePort, unprivilegedUser } from "./server-process.ts";

/** A pooler in transaction mode, in front of a database. */
export interface PgBouncer {
  /** The database's URL, by way of the pooler. Named statements cannot be prepared there. */
  readonly url: string;
  end(): Promise<void>;
}

// Debian keeps it among the programs of administrators, which not everybody's PATH has.
const ENV = { ...process.env, PATH: [process.env["PATH"], "/usr/sbin", "/usr/local/sbin"].join(delimiter) };
const STARTED = "process up";

/** Why PgBouncer cannot be run here; undefined where it can. Where tests are proof, in CI, there is no excuse. */
export async function whyNoPgBouncer(): Promise<string | undefined> {
  try {
    await promisify(execFile)("pgbouncer", ["--version"], { env: ENV });
    return undefined;
  } catch (cause) {
    const advice = "PgBouncer is not installed: apt-get install pgbouncer, or brew install pgbouncer";
    if (process.env["CI"] !== undefined) throw new Error(advice, { cause });
    return advice;
  }
}

export async function startPgBouncer(target: string): Promise<PgBouncer> {
  const directory = await mkdtemp(join(tmpdir(), "strata-pgbouncer-"));
  const owner = await unprivilegedUser();
  const port = await freePort();
  const file = join(directory, "pgbouncer.ini");
  await writeFile(file, settings(new URL(target), port), { mode: 0o600 });
  if (owner !== undefined) for (const path of [directory, file]) await chown(path, owner.uid, owner.gid);
  // The shell ends it when its standard input does: however this process ends, the pooler goes with it.
  const shell = spawn("sh", ["-c", 'pgbouncer "$0" </dev/null & read -r _; kill -KILL $!; wait', file], {
    ...owner,
    env: ENV,
    stdio: ["pipe", "ignore", "pipe"],
  });
  const ended = once(shell, "exit");
  const said: string[] = [];
  const end = async () => {
    shell.stdin.end();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((started, failed) => {
      const timer = setTimeout(() => failed(new Error(`PgBouncer did not start: ${said.join("")}`)), 10_000);
      shell.stderr.on("data", (chunk) => {
        said.push(String(chunk));
        if (!said.join("").includes(STARTED)) return;
        clearTimeout(timer);
        started();
      });
    });
  } catch (error) {
    await end();
    throw error;
  }
  // What it logs from here on is of no interest, but a full pipe would stop it.
  shell.stderr.removeAllListeners("data").resume();
  const url = new URL(target);
  url.port = String(port);
  return Object.freeze({ url: url.href, end });
}

/** Everybody may log in to the pooler, which logs in to the database itself. */
function settings({ hostname, port, username, password, pathname }: URL, listenPort: number): string {
  const name = pathname.slice(1);
  return `[databases]
${name} = host=${hostname} port=${port} dbname=${name} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
`;
}
