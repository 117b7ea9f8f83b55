import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerLines } from "../../../lib/cli/register/registration.ts";
import type { TenantLine } from "../../../lib/cli/register/tenant-line.ts";
import { sqliteStorage } from "../../../lib/storages/sqlite/index.ts";
import { workplace } from "../recording-host.ts";

let place: Awaited<ReturnType<typeof workplace>>;
beforeEach(async () => {
  place = await workplace();
});
afterEach(() => place.remove());

async function stored() {
  const storage = await sqliteStorage({ file: place.file(".strata/strata.db") });
  const customers = await storage.listCustomers({ limit: 10_000 });
  const organizations = await storage.listOrganizations({ limit: 10_000 });
  const counts = await storage.countTenants();
  await storage.close();
  return { customers, organizations, counts };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `{"id":"c${index}"}\n`).join("");

describe("strata register", () => {
  it("registers organizations and customers from JSON lines and CSV", async () => {
    await place.write("orgs.jsonl", '{"id":"o1","name":"One"}\n');
    await place.write("people.csv", "id,organizationId,name,plan\nc1,o1,Ada,pro\n");
    expect(await place.run(["register", "organizations", "orgs.jsonl"])).toEqual({
      code: 0,
      out: "Registered 1 organization.\n",
      err: "",
    });
    expect((await place.run(["register", "customers", "people.csv"])).out).toBe("Registered 1 customer.\n");
    expect(await stored()).toMatchObject({
      organizations: [{ id: "o1", name: "One" }],
      customers: [{ id: "c1", organizationId: "o1", name: "Ada", attributes: { plan: "pro" } }],
    });
  });

  it("reads standard input, and asks for its format", async () => {
    const asked = await place.run(["register", "customers", "-"], { stdin: '{"id":"c1"}\n' });
    expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("--format jsonl or --format csv") });
    const done = await place.run(["register", "customers", "-", "--format", "jsonl"], {
      stdin: '{"id":"c1"}\n',
    });
    expect(done).toMatchObject({ code: 0, out: "Registered 1 customer.\n" });
  });

  it("stops at a bad line, says which and why, and has stored everything before it", async () => {
    await place.write("c.jsonl", `${many(1500)}{"id":""}\n{"id":"after"}\n`);
    const { code, out, err } = await place.run(["register", "customers", "c.jsonl"]);
    expect(code).toBe(1);
    expect(err).toContain("line 1501: The customer id is empty");
    expect(out).toMatch(/Stopped at line 1501. The 1,500 customers before it are registered/);
    expect((await stored()).counts.customers).toBe(1500);
  });

  it("skips bad lines where it may, and reports each", async () => {
    await place.write("c.jsonl", '{"id":"a"}\n{"id":""}\nnonsense\n{"id":"b"}\n');
    const { code, out, err } = await place.run(["register", "customers", "c.jsonl", "--skip-bad"]);
    expect({ code, out }).toEqual({ code: 0, out: "Registered 2 customers; skipped 2 bad lines.\n" });
    expect(err).toMatch(/^line 2: .*\nline 3: .*\n$/);
  });

  it("stops at broken quotes even where it may skip", async () => {
    await place.write("c.csv", 'id\na\n"b" c\nd\n');
    const { code, err } = await place.run(["register", "customers", "c.csv", "--skip-bad"]);
    expect(code).toBe(1);
    expect(err).toContain("line 3: Broken quotes");
    expect((await stored()).counts.customers).toBe(1);
  });

  it("does no harm when it is run again, and the last word on an id counts", async () => {
    await place.write("c.jsonl", '{"id":"a","name":"old"}\n{"id":"a","name":"new"}\n');
    for (let run = 0; run < 2; run++) {
      expect((await place.run(["register", "customers", "c.jsonl"])).code).toBe(0);
    }
    expect((await stored()).customers).toEqual([{ id: "a", name: "new" }]);
  });

  it("shows its progress on a terminal in one line, and nothing of it elsewhere before 100,000", async () => {
    await place.write("c.jsonl", many(2500));
    const terminal = await place.run(["register", "customers", "c.jsonl"], { terminal: true });
    expect(terminal.err).toContain("\r1,000 customers registered");
    expect(terminal.err).toContain("\r2,500 customers registered");
    expect(terminal.err).not.toContain("\n");
    expect((await place.run(["register", "customers", "c.jsonl"])).err).toBe("");
  });

  it.each([
    [["register", "people", "c.csv"], /Allowed choices are organizations, customers/],
    [["register", "customers"], /missing required argument 'input'/],
    [["register", "customers", "c.txt"], /Cannot tell the format of c.txt/],
    [["register", "customers", "missing.csv"], /Cannot read .*missing.csv: ENOENT/],
    [["register", "customers", "."], /Cannot tell the format/],
    [["register", "customers", "c.csv", "--format", "xml"], /Allowed choices are jsonl, csv/],
  ])("refuses %j", async (args, message) => {
    const { code, err } = await place.run(args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n {4}at /);
    expect(existsSync(place.file(".strata"))).toBe(false);
  });
});

describe("registerLines", () => {
  async function* lines(count: number): AsyncGenerator<TenantLine> {
    for (let line = 1; line <= count; line++) yield { line, record: { id: `c${line}` } };
  }

  it("tells of no record before it is stored for good", async () => {
    const kept: string[] = [];
    const told: number[] = [];
    const failing = registerLines({
      lines: lines(5000),
      skipBad: false,
      onFlaw: () => undefined,
      onStored: (stored) => void told.push(stored),
      async store(records) {
        if (kept.length >= 3000) throw new Error("disk full");
        kept.push(...records.map(({ id }) => id));
      },
    });
    await expect(failing).rejects.toThrow("disk full");
    expect(told).toEqual([1000, 2000, 3000]);
    expect(kept).toHaveLength(3000);
  });

  it("keeps no more than a batch in memory", async () => {
    let read = 0;
    const ahead: number[] = [];
    async function* counted() {
      for await (const line of lines(10_000)) {
        read += 1;
        yield line;
      }
    }
    let stored = 0;
    await registerLines({
      lines: counted(),
      skipBad: false,
      onFlaw: () => undefined,
      onStored: () => undefined,
      async store(records) {
        ahead.push(read - stored);
        stored += records.length;
      },
    });
    expect(Math.max(...ahead)).toBe(1000);
  });
});
