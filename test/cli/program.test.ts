import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { workplace } from "./recording-host.ts";

let place: Awaited<ReturnType<typeof workplace>>;
beforeEach(async () => {
  place = await workplace();
});
afterEach(() => place.remove());

describe("strata", () => {
  it("says what it can do", async () => {
    const { code, out } = await place.run(["--help"]);
    expect(code).toBe(0);
    for (const command of ["serve", "migrate", "doctor", "register"]) expect(out).toContain(command);
  });

  it("tells its version", async () => {
    const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await place.run(["--version"])).toMatchObject({ code: 0, out: `${manifest.version}\n` });
  });

  it.each([
    [["wat"], /unknown command 'wat'/],
    [["serve", "--wat"], /unknown option '--wat'/],
    [["serve", "extra"], /too many arguments/],
    [["serve", "--file", "a", "--database-url", "postgres://b"], /cannot be used with/],
    [["serve", "--port", "x"], /--port or STRATA_PORT must be a whole number/],
    [["serve", "--host", "0.0.0.0"], /Not listening on 0.0.0.0.*STRATA_ADMIN_KEY/],
    [["serve", "--host", "203.0.113.7"], /Not listening on 203.0.113.7/],
    [["serve", "--database-url", "mysql://x"], /must begin with postgres:\/\//],
  ])("refuses %j in one line", async (args, message) => {
    const { code, out, err } = await place.run(args);
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n {4}at /);
  });

  it("refuses a directory for a database in one line", async () => {
    const { code, err } = await place.run(["migrate", "--file", "."]);
    expect(code).toBe(1);
    expect(err).toMatch(/^strata: .*\n$/);
    expect(err).toContain(place.directory);
  });

  it("shows no key in a message about it", async () => {
    const { code, err } = await place.run(["serve"], { env: { STRATA_ADMIN_KEY: "hunter2" } });
    expect(code).toBe(1);
    expect(err).toContain("STRATA_ADMIN_KEY has 7 characters");
    expect(err).not.toContain("hunter2");
  });
});

describe("strata migrate", () => {
  it("makes the schema, says what it did, and does nothing the second time", async () => {
    const first = await place.run(["migrate"]);
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(
      new RegExp(`^Data: ${place.file(".strata/strata.db")} \\(SQLite\\)\nMigrated:\n(  \\S+\n)+$`),
    );
    expect((await place.run(["migrate"])).out).toContain("The schema is up to date.\n");
  });

  it("leaves a file that is not its own as it is", async () => {
    const file = await place.write("notes.db", "These are my notes, and no database.".repeat(10));
    const { code, err } = await place.run(["migrate", "--file", file]);
    expect(code).toBe(1);
    expect(err).toContain(file);
    expect(await readFile(file, "utf8")).toMatch(/^These are my notes/);
  });
});
