import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { parseAdminKey } from "../../lib/server/admin-key.ts";
import { ADMIN_FLAGS_PATH } from "../../lib/server/index.ts";
import { workplace } from "./recording-host.ts";
import { curlLines, paste, runProcess, type ServedProcess, serveProcess } from "./served-process.ts";

const AI = "experimental.aiEnhancements";
const KEY = "a key of the operator's choice";
let place: Awaited<ReturnType<typeof workplace>>;
let running: ServedProcess[];
beforeEach(async () => {
  place = await workplace();
  running = [];
});
afterEach(async () => {
  for (const served of running) await served.end("SIGKILL");
  await place.remove();
});

async function serve(args: readonly string[] = [], env: Record<string, string> = {}): Promise<ServedProcess> {
  const served = await serveProcess(place.directory, args, env);
  running.push(served);
  return served;
}

const keyIn = (text: string) => /strata_admin_\w+/.exec(text)?.[0] ?? "";
const ask = (served: ServedProcess, key: string) =>
  fetch(served.url + ADMIN_FLAGS_PATH, { headers: { authorization: `Bearer ${key}` } });
const flagIn = (answer: string) =>
  JSON.parse(answer).flags.find((flag: { path: string }) => flag.path === AI);

describe("strata serve", () => {
  it("prints where it is and where the data lies, and three lines that work as they are printed", async () => {
    const served = await serve();
    expect(served.out()).toMatch(/^Strata \S+ is ready at http:\/\/127\.0\.0\.1:\d+\n/);
    expect(served.out()).toContain(`Data: ${place.file(".strata/strata.db")} (SQLite)\n`);
    expect(parseAdminKey(keyIn(served.out()))).toBeDefined();
    expect(served.out()).toContain("It is shown this once and not again");
    expect(served.err()).toBe("");

    const [read, write, readAgain] = curlLines(served.out());
    const before = await paste(read);
    expect(flagIn(before)).toMatchObject({ enabled: false, source: "default" });
    expect(JSON.parse(before).flags).toHaveLength(14);
    expect(JSON.parse(await paste(write))).toMatchObject({ version: 1, changed: 1 });
    const after = await paste(readAgain);
    expect(flagIn(after)).toMatchObject({
      enabled: true,
      source: "organization_override",
      layer: { kind: "organization", id: "org_456" },
    });
    expect(JSON.parse(after).evaluation).toMatchObject({ source: "organization_override", version: 1 });
  });

  it("shows the key once: a restart knows it and does not show it, and its lines work with the key in the shell", async () => {
    const first = await serve();
    const key = keyIn(first.out());
    expect(await first.end()).toBe(0);

    const second = await serve();
    expect(second.out()).not.toContain("strata_admin_");
    expect((await ask(second, key)).status).toBe(200);
    const [read, write] = curlLines(second.out());
    expect(JSON.parse(await paste(write, { STRATA_ADMIN_KEY: key }))).toMatchObject({ version: 1 });
    expect(flagIn(await paste(read, { STRATA_ADMIN_KEY: key }))).toMatchObject({ enabled: true });
    expect(JSON.parse(await paste(read)).error.code).toBe("UNAUTHENTICATED");
  });

  it("keeps the key nowhere: not in its files, not in its log", async () => {
    const served = await serve();
    const key = keyIn(served.out());
    await ask(served, key);
    await ask(served, `${key.slice(0, -1)}x`);
    await paste(curlLines(served.out())[1]);
    const folder = place.file(".strata");
    const secret = parseAdminKey(key)?.secret ?? "";
    for (const name of await readdir(folder)) {
      expect(await readFile(join(folder, name), "latin1"), name).not.toContain(secret);
    }
    expect(served.err()).not.toContain(secret);
  });

  it("takes the key from STRATA_ADMIN_KEY, and shows it nowhere", async () => {
    const served = await serve([], { STRATA_ADMIN_KEY: KEY });
    expect(served.out()).toMatch(/STRATA_ADMIN_KEY +\*\*\*/);
    expect(served.out() + served.err()).not.toContain(KEY);
    expect(served.out()).not.toContain("strata_admin_");
    expect((await ask(served, KEY)).status).toBe(200);
    expect((await ask(served, `${KEY}.`)).status).toBe(401);
    expect(flagIn(await paste(curlLines(served.out())[0], { STRATA_ADMIN_KEY: KEY }))).toMatchObject({
      enabled: false,
    });
  });

  it("refuses a wrong key and no key", async () => {
    const served = await serve();
    expect((await ask(served, "wrong")).status).toBe(401);
    expect((await fetch(served.url + ADMIN_FLAGS_PATH)).status).toBe(401);
  });

  it("offers a change that changes something in every environment", async () => {
    const served = await serve([], { STRATA_ENV: "development" });
    expect(served.out()).toContain('the environment "development"');
    const [read, write] = curlLines(served.out());
    expect(flagIn(await paste(read))).toMatchObject({ enabled: true, source: "environment" });
    expect(JSON.parse(await paste(write)).changed).toBe(1);
    expect(flagIn(await paste(read))).toMatchObject({ enabled: false, source: "organization_override" });
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends well on %s", async (signal) => {
    const served = await serve();
    expect(await served.end(signal)).toBe(0);
    expect(served.err()).toBe(`Stopping on ${signal}: requests under way may end.\nStopped.\n`);
    await expect(fetch(served.url)).rejects.toThrow();
  });

  it("says so where the port is in use, and uses up no key", async () => {
    const served = await serve();
    const port = new URL(served.url).port;
    const other = place.file("other.db");
    const { code, out, err } = await runProcess(["serve", "--port", port, "--file", other], place.directory);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe(
      `strata: Port ${port} on 127.0.0.1 is in use. Stop what listens there, or choose another one with --port.\n`,
    );
    expect(keyIn((await serve(["--file", other])).out())).not.toBe("");
  });

  it("lets two first starts at once show exactly one key", async () => {
    const both = await Promise.all([serve(), serve()]);
    const keys = both.map((served) => keyIn(served.out())).filter((key) => key !== "");
    expect(keys).toHaveLength(1);
    for (const served of both) expect((await ask(served, keys[0] ?? "")).status).toBe(200);
  });

  it("leaves a file that is not its own as it is", async () => {
    const file = await place.write("notes.db", "These are my notes, and no database.".repeat(10));
    const { code, out, err } = await runProcess(["serve", "--port", "0", "--file", file], place.directory);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(file);
    expect(await readFile(file, "utf8")).toMatch(/^These are my notes/);
  });

  it("serves from PostgreSQL, and shows its URL without the password", async () => {
    const server = new URL(inject("postgresUrl"));
    const name = `serve_${process.pid}`;
    const pool = new pg.Pool({ connectionString: server.href, max: 1 });
    await pool.query(`create database ${name}`);
    try {
      const url = new URL(`/${name}`, server).href;
      const served = await serve(["--database-url", url]);
      expect(served.out()).toContain(`Data: ${url.replace(server.password, "***")} (PostgreSQL)\n`);
      expect(served.out()).not.toContain(server.password);
      const [read, write] = curlLines(served.out());
      expect(JSON.parse(await paste(write))).toMatchObject({ version: 1 });
      expect(flagIn(await paste(read))).toMatchObject({ enabled: true });
      expect(await served.end()).toBe(0);
    } finally {
      await pool.query(`drop database ${name} with (force)`);
      await pool.end();
    }
  });
});
