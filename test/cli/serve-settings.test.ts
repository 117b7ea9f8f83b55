import { describe, expect, it } from "vitest";
import { serveSettings } from "../../lib/cli/serve-settings.ts";
import { DEFAULT_LIMITS } from "../../lib/server/index.ts";

describe("serveSettings", () => {
  it("has defaults for everything", () => {
    expect(serveSettings({}, {})).toEqual({
      host: "127.0.0.1",
      port: 4400,
      environment: "production",
      audit: "best-effort",
      adminKey: undefined,
      limits: DEFAULT_LIMITS,
    });
  });

  it("takes the process's environment, and the command line over it", () => {
    const env = {
      STRATA_HOST: "0.0.0.0",
      STRATA_PORT: "5000",
      STRATA_ENV: "staging",
      STRATA_AUDIT: "required",
      STRATA_ADMIN_KEY: "sixteen-letters!",
      STRATA_MAX_BODY_BYTES: "1000",
    };
    expect(serveSettings({}, env)).toMatchObject({
      host: "0.0.0.0",
      port: 5000,
      environment: "staging",
      audit: "required",
      adminKey: "sixteen-letters!",
      limits: { bodyBytes: 1000, depth: 32 },
    });
    expect(serveSettings({ port: "0", host: "::1", environment: "development" }, env)).toMatchObject({
      host: "::1",
      port: 0,
      environment: "development",
    });
  });

  it("takes an empty setting for one that is not set", () => {
    const env = { STRATA_HOST: "", STRATA_PORT: "", STRATA_ENV: "", STRATA_AUDIT: "", STRATA_ADMIN_KEY: "" };
    expect(serveSettings({}, env)).toEqual(serveSettings({}, {}));
  });

  it.each([
    ["STRATA_PORT", "http", /STRATA_PORT must be a whole number from 0 to 65535, not "http"/],
    ["STRATA_PORT", "65536", /65535/],
    ["STRATA_PORT", "-1", /STRATA_PORT/],
    ["STRATA_PORT", "1e3", /STRATA_PORT/],
    ["STRATA_AUDIT", "yes", /STRATA_AUDIT must be "best-effort" or "required"/],
    ["STRATA_MAX_BODY_BYTES", "0", /STRATA_MAX_BODY_BYTES/],
    ["STRATA_MAX_JSON_DEPTH", "many", /STRATA_MAX_JSON_DEPTH/],
    ["STRATA_AUTH_FAILURES_PER_MINUTE", "0", /STRATA_AUTH_FAILURES_PER_MINUTE/],
  ])("refuses %s=%s by name", (name, value, message) => {
    expect(() => serveSettings({}, { [name]: value })).toThrow(message);
  });

  it.each([
    "short",
    "x".repeat(15),
    " leading-space-here",
    "trailing-space-here ",
    "tab\there-is-a-control",
    "schlüssel-mit-umlaut",
    "line\nbreak-in-the-key",
  ])("refuses the key %j without repeating it", (key) => {
    try {
      serveSettings({}, { STRATA_ADMIN_KEY: key });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain("STRATA_ADMIN_KEY");
      expect(String(error)).not.toContain(key);
    }
  });
});
