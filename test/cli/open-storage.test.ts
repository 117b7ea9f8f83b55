import { describe, expect, it } from "vitest";
import { dataLocation } from "../../lib/cli/open-storage.ts";
import { recordingHost } from "./recording-host.ts";

const at = (options: object, env: Record<string, string> = {}) =>
  dataLocation(options, recordingHost({ env, cwd: "/work/place" }));

describe("dataLocation", () => {
  it("is a file's absolute path", () => {
    expect(at({})).toBe("/work/place/.strata/strata.db (SQLite)");
    expect(at({ file: "a/b.db" })).toBe("/work/place/a/b.db (SQLite)");
    expect(at({ file: "/data/b.db" })).toBe("/data/b.db (SQLite)");
    expect(at({}, { STRATA_FILE: "c.db" })).toBe("/work/place/c.db (SQLite)");
  });

  it("is a database's URL without what is secret in it", () => {
    const shown = at({
      databaseUrl: "postgres://ada:hunter2@db.example:5432/flags?sslpassword=hunter2&sslmode=require",
    });
    expect(shown).toBe(
      "postgres://ada:***@db.example:5432/flags?sslpassword=***&sslmode=require (PostgreSQL)",
    );
    expect(at({}, { STRATA_DATABASE_URL: "postgres://:hunter2@" })).not.toContain("hunter2");
  });

  it("prefers what the command line names", () => {
    const env = {
      STRATA_DATABASE_URL: "postgres://a@b/c",
      DATABASE_URL: "postgres://d@e/f",
      STRATA_FILE: "x.db",
    };
    expect(at({}, env)).toBe("postgres://a@b/c (PostgreSQL)");
    expect(at({ file: "y.db" }, env)).toBe("/work/place/y.db (SQLite)");
    expect(at({ databaseUrl: "postgres://g@h/i" }, env)).toBe("postgres://g@h/i (PostgreSQL)");
  });
});
