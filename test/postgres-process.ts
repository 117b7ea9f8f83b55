import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A PostgreSQL server of one's own. It and its data are gone when this process is, however that ends. */
export interface PostgresProcess {
  /** A superuser's URL. */
  readonly url: string;
  /** Sends SIGKILL to the server, as a crash of it would be, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts the killed server on its old data and port. */
  start(): Promise<void>;
  /** Stops the server and removes its data. */
  end(): Promise<void>;
}

const SUPERVISOR = fileURLToPath(new URL("postgres-supervisor.ts", import.meta.url));

export async function startPostgresProcess(): Promise<PostgresProcess> {
  // In a group of its own, so that an interrupt from the keyboard leaves it to clean up.
  const supervisor = spawn(process.execPath, [SUPERVISOR], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const ended = once(supervisor, "exit");
  const output = createInterface(supervisor.stdout);
  const nextLine = () =>
    Promise.race([
      once(output, "line").then(([line]) => String(line)),
      ended.then(([code]) => Promise.reject(new Error(`The PostgreSQL server did not start (${code}).`))),
    ]);
  const order = async (line: string): Promise<void> => {
    const answer = nextLine();
    supervisor.stdin.write(`${line}\n`);
    await answer;
  };
  const url = await nextLine();
  return Object.freeze({
    url,
    kill: () => order("kill"),
    start: () => order("start"),
    async end() {
      supervisor.stdin.end();
      await ended;
    },
  } satisfies PostgresProcess);
}
