import { isIPv6 } from "node:net";
import { FlagError } from "../feature-flags/core/errors.ts";

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Beyond loopback a server must already have a key that somebody chose or noted: one generated now would be shown on
 * a terminal that nobody may be watching. Throws FORBIDDEN.
 */
export function requireKeyBeyondLoopback(host: string, hasKey: boolean): void {
  if (hasKey || isLoopback(host)) return;
  throw new FlagError(
    "FORBIDDEN",
    `Not listening on ${host}: other machines could reach it, and no admin key is configured. ` +
      "Set STRATA_ADMIN_KEY (16 characters or more), or start once on 127.0.0.1 to have a key made.",
  );
}

/** The address to open in a client on this machine. */
export function localUrl(host: string, port: number): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}`;
}
