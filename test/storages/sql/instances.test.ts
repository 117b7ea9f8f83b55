import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { InstanceReport } from "../../../lib/feature-flags/core/storage.ts";
import { takenBackTo } from "../taken-back.ts";
import { engines, type SqlDatabase } from "./databases.ts";

const REPORT: InstanceReport = { id: "i", pid: 1, version: "1.0.0", epoch: "e", revision: 1, seenAt: 1 };

describe.each(engines)("instances on $name", ({ name, create }) => {
  let database: SqlDatabase;
  beforeEach(async () => {
    database = await create();
  });
  afterEach(() => database.remove());

  it("are listed with the machine they run on, by the name it has unless it is given one", async () => {
    const storage = await database.open();
    const named = await database.open({ host: "web-1" });
    await storage.reportInstance(REPORT);
    await named.reportInstance({ ...REPORT, id: "named" });
    expect((await storage.listInstances(0)).map(({ host }) => host)).toEqual([hostname(), "web-1"]);
    await named.reportInstance({ ...REPORT, seenAt: 2 });
    expect((await storage.listInstances(0)).map(({ host }) => host)).toEqual(["web-1", "web-1"]);
  });

  it("report with one statement, which does not touch the row of the revision", async () => {
    const statements: string[] = [];
    const storage = await database.open({ onQuery: (sql) => statements.push(sql) });
    statements.length = 0;
    await storage.reportInstance(REPORT);
    const told = statements.filter((sql) => !/^(begin|commit)/.test(sql));
    expect(told).toEqual([expect.stringMatching(/^insert into .*"flag_instances"/)]);
    expect(told.join()).not.toContain("flag_state");
  });

  it("come with a migration of their own to a schema that was there before", async () => {
    await database.migrate();
    await database.run(takenBackTo("0001-initial", name === "SQLite" ? "sqlite" : "postgres"));
    await expect(database.open({ migrate: false })).rejects.toMatchObject({ code: "SCHEMA_OUTDATED" });
    const storage = await database.open();
    await storage.reportInstance(REPORT);
    expect(await storage.listInstances(0)).toEqual([{ ...REPORT, host: hostname() }]);
  });
});
