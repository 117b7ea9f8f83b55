import { describe, expect, it } from "vitest";
import { isLoopback, localUrl, requireKeyBeyondLoopback } from "../../lib/cli/listening-address.ts";

describe("listening addresses", () => {
  it.each(["127.0.0.1", "127.1.2.3", "localhost", "::1"])("take %s for this machine alone", (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(() => requireKeyBeyondLoopback(host, false)).not.toThrow();
  });

  it.each([
    "0.0.0.0",
    "::",
    "192.168.1.5",
    "127.0.0.1.example.com",
    "localhost.example.com",
    "127.evil",
    "",
    "::ffff:10.0.0.1",
  ])("need a key for %j", (host) => {
    expect(isLoopback(host)).toBe(false);
    expect(() => requireKeyBeyondLoopback(host, false)).toThrow(/STRATA_ADMIN_KEY/);
    expect(() => requireKeyBeyondLoopback(host, true)).not.toThrow();
  });

  it.each([
    ["127.0.0.1", "http://127.0.0.1:4400"],
    ["localhost", "http://localhost:4400"],
    ["0.0.0.0", "http://127.0.0.1:4400"],
    ["::", "http://[::1]:4400"],
    ["::1", "http://[::1]:4400"],
  ])("are opened at %s from this machine as %s", (host, url) => {
    expect(localUrl(host, 4400)).toBe(url);
  });
});
