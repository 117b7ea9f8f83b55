import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * - "pass": as if it were not there
 * - "delay": everything arrives 100 ms later
 * - "hang": connections are taken and stay open, but nothing arrives any more, in no direction
 * - "reset": connections are broken with RST, and so is each new one
 * - "gone": connections are refused
 */
export type ProxyFault = "pass" | "delay" | "hang" | "reset" | "gone";

/** Stands between a process and its database, and does to their connections what networks do. */
export interface FaultyProxy {
  /** The database's URL, by way of this proxy. It stays the same. */
  readonly url: string;
  set(fault: ProxyFault): Promise<void>;
  /** When connections were begun, as `performance.now()` says, since the last call of this. */
  begun(): readonly number[];
  open(): number;
  close(): Promise<void>;
}

const DELAY = 100;

export async function startProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let fault: ProxyFault = "pass";
  let begun: number[] = [];

  function take(near: Socket): void {
    begun.push(performance.now());
    if (fault === "reset") {
      near.on("error", ignore);
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    link(near, far);
    link(far, near);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", ignore);
      socket.once("close", () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  }

  function link(from: Socket, to: Socket): void {
    from.on("data", (chunk) => {
      if (fault === "hang") return;
      if (fault === "delay") setTimeout(() => to.writable && to.write(chunk), DELAY);
      else to.write(chunk);
    });
  }

  const server = createServer(take);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port.");
  const url = new URL(target);
  url.port = String(address.port);

  function breakAll(): void {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  return Object.freeze({
    url: url.href,
    async set(next) {
      // What was lost on the way does not arrive later: these connections are of no more use.
      const useless = fault === "hang" || next === "reset" || next === "gone";
      fault = next;
      if (useless) breakAll();
      if (next === "gone" && server.listening) {
        server.close();
        await once(server, "close");
      }
      if (next !== "gone" && !server.listening) {
        server.listen(address.port, "127.0.0.1");
        await once(server, "listening");
      }
    },
    begun() {
      const times = begun;
      begun = [];
      return times;
    },
    open: () => pairs.size,
    async close() {
      breakAll();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  } satisfies FaultyProxy);
}

/** That a connection broke is what this is for. */
function ignore(): void {}
