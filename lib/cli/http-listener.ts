import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { FlagError } from "../feature-flags/core/errors.ts";
import type { Log } from "../feature-flags/core/types.ts";
import { errorResponse } from "../server/error-response.ts";
import type { FlagServer } from "../server/index.ts";

export interface HttpListener {
  /** The port in use: the one asked for, or the one the system chose for 0. */
  readonly port: number;
  /** Takes no new connections, lets requests under way end for at most `grace` milliseconds, then cuts them off. */
  close(grace: number): Promise<void>;
}

export interface HttpListenerOptions {
  readonly server: FlagServer;
  readonly host: string;
  readonly port: number;
  readonly log: Log;
}

/** No client may hold a connection by sending slowly. Milliseconds. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5_000 };

/** Serves on a port of this machine. Rejects, saying what to do, where the port cannot be had. */
export async function listen({ server, host, port, log }: HttpListenerOptions): Promise<HttpListener> {
  const handler = getRequestListener(
    (request, { incoming }) =>
      server.fetch(request, { address: incoming.socket?.remoteAddress, target: incoming.url }),
    {
      hostname: host,
      overrideGlobalObjects: false,
      errorHandler: (error) => errorResponse(unreadable(error), globalThis.crypto.randomUUID(), log),
    },
  );
  const http = createServer(TIMEOUTS, (incoming, outgoing) => {
    outgoing.once("close", () => {
      if (!http.listening) http.closeIdleConnections();
    });
    void handler(incoming, outgoing);
  });
  http.on("clientError", refuseMalformed);
  await opened(http, host, port);
  const address = http.address();
  return Object.freeze({
    port: typeof address === "object" && address !== null ? address.port : port,
    close: (grace: number) => closed(http, grace),
  });
}

function opened(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    http.listen({ host, port }, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): FlagError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what listens there, or choose another one with --port.`,
    EACCES: `Port ${port} needs more rights than this user has. Choose one from 1024 up with --port.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Choose another one with --host.`,
    ENOTFOUND: `${host} is no address of this machine. Choose another one with --host.`,
  };
  const message = reasons[error.code ?? ""] ?? `Cannot listen on ${host}:${port}: ${error.message}`;
  return new FlagError("MALFORMED_REQUEST", message, { cause: error });
}

function closed(http: Server, grace: number): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => http.closeAllConnections(), grace);
    http.close(() => {
      clearTimeout(cutOff);
      resolve();
    });
    http.closeIdleConnections();
  });
}

/** What never became a request: a target or a Host header that no URL can be made of. */
function unreadable(cause: unknown): FlagError {
  return new FlagError("MALFORMED_REQUEST", "The request's target or Host header is not valid.", { cause });
}

/** What is no HTTP at all, or came too slowly, gets JSON as well. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? ["431 Request Header Fields Too Large", "The request's headers are too large."]
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? ["408 Request Timeout", "The request took too long to arrive."]
        : ["400 Bad Request", "This is not a valid HTTP request."];
  const body = `${JSON.stringify({ error: { code: "MALFORMED_REQUEST", message } })}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\nx-content-type-options: nosniff\r\n` +
      `cache-control: no-store\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
