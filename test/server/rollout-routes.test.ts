import { describe, expect, it } from "vitest";
import { AUTHORIZED, adminServer } from "./admin-server.ts";

const ROLLOUTS = "/api/admin/rollouts";
const TAB_SYNC = "sessionPersistence.phase3.tabSync";
const quick = [
  { name: "half", percentage: 50 },
  { name: "all", percentage: 100 },
];

async function withRollout(input: object = {}) {
  const server = adminServer();
  const created = await server.post(ROLLOUTS, { featureName: "tab sync", path: TAB_SYNC, ...input });
  return { ...server, created, at: `${ROLLOUTS}/tab%20sync` };
}

describe("the routes of rollouts", () => {
  it("make one, list it, and read it", async () => {
    const { created, get, at } = await withRollout({ reason: "Pilot", changedBy: "bob" });
    expect([created.status, created.json]).toMatchObject([
      201,
      { version: 1, revision: 1, rollout: { featureName: "tab sync", status: "planned", value: true } },
    ]);
    expect((await get(ROLLOUTS)).json.rollouts).toMatchObject([{ featureName: "tab sync", version: 1 }]);
    expect((await get(at)).json.rollout).toMatchObject({ featureName: "tab sync", status: "planned" });
  });

  it("start, pause, resume, advance and roll back, and the flags follow", async () => {
    const { post, read, at, storage } = await withRollout({ tiers: quick });
    const isOn = async () => {
      const { json } = await read("?customerId=cust_1");
      return json.flags.find(({ path }: { path: string }) => path === TAB_SYNC);
    };
    for (const [step, status, tier] of [
      ["start", "in_progress", 0],
      ["pause", "paused", 0],
      ["resume", "in_progress", 0],
      ["advance", "completed", 1],
    ] as const) {
      const answer = await post(`${at}/${step}`, { reason: `to ${step}` });
      expect([step, answer.status, answer.json.rollout.status, answer.json.rollout.tier]).toEqual([
        ...[step, 200, status, tier],
      ]);
    }
    expect(await isOn()).toMatchObject({ source: "rollout" });
    const back = await post(`${at}/rollback`, { reason: "It hurts" });
    expect(back.json).toMatchObject({ version: 6, rollout: { status: "rolled_back" } });
    expect(await isOn()).toMatchObject({ source: "default" });
    const changes = await storage.listChanges({ featureName: "tab sync", limit: 10 });
    expect(changes.map(({ changedBy, reason }) => [changedBy, reason])[0]).toEqual([
      "key:STRATA_ADMIN_KEY",
      "It hurts",
    ]);
  });

  it("take it from one tenant only", async () => {
    const { post, at } = await withRollout();
    await post(`${at}/start`, {});
    const one = await post(`${at}/rollback`, { reason: "For Acme", organizationId: "acme" });
    expect(one.json.rollout).toMatchObject({ status: "in_progress", deniedOrganizations: ["acme"] });
    const both = await post(`${at}/rollback`, { customerId: "a", organizationId: "b" });
    expect([both.status, both.json.error.code]).toEqual([400, "MALFORMED_REQUEST"]);
  });

  it("tell how it does, and who would come in", async () => {
    const { post, get, at, storage, rollouts } = await withRollout({ allowedCustomers: ["cust_1"] });
    await storage.registerCustomers([{ id: "cust_1" }, { id: "cust_2" }]);
    await post(`${at}/start`, {});
    rollouts.recordEvent({
      featureName: "tab sync",
      customerId: "cust_1",
      event: "error",
      timestamp: Date.now(),
    });
    await rollouts.flush();
    const stats = await get(`${at}/statistics?period=60000`);
    expect([stats.status, stats.json]).toMatchObject([
      200,
      { errors: 1, customers: { known: 2, enabled: 1 } },
    ]);
    const forecast = await get(`${at}/forecast?tier=tier_4_full`);
    expect(forecast.json).toMatchObject({
      known: 2,
      alreadyIn: 1,
      comesIn: { count: 1, customers: ["cust_2"] },
    });
  });

  it.each([
    ["a rollout there is none of", "GET", `${ROLLOUTS}/nobody`, undefined, 404, "NOT_FOUND"],
    ["a step of one there is none of", "POST", `${ROLLOUTS}/nobody/start`, {}, 404, "NOT_FOUND"],
    ["a step that is none", "POST", `${ROLLOUTS}/tab%20sync/explode`, {}, 404, "NOT_FOUND"],
    [
      "a name spelled in a way of its own",
      "GET",
      `${ROLLOUTS}/%74ab%20sync`,
      undefined,
      400,
      "MALFORMED_REQUEST",
    ],
    ["a method that does not fit", "DELETE", `${ROLLOUTS}/tab%20sync`, undefined, 405, "METHOD_NOT_ALLOWED"],
    ["a parameter there is none of", "GET", `${ROLLOUTS}?limit=5`, undefined, 400, "MALFORMED_REQUEST"],
    [
      "a period that is none",
      "GET",
      `${ROLLOUTS}/tab%20sync/statistics?period=-1`,
      undefined,
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "a period that is no plain number",
      "GET",
      `${ROLLOUTS}/tab%20sync/statistics?period=1e3`,
      undefined,
      400,
      "MALFORMED_REQUEST",
    ],
    ["a forecast of no tier", "GET", `${ROLLOUTS}/tab%20sync/forecast`, undefined, 400, "MALFORMED_REQUEST"],
    [
      "a forecast of a tier there is none of",
      "GET",
      `${ROLLOUTS}/tab%20sync/forecast?tier=x`,
      undefined,
      400,
      "INVALID_PATCH",
    ],
    ["a misspelled field", "POST", `${ROLLOUTS}/tab%20sync/start`, { raeson: "x" }, 400, "MALFORMED_REQUEST"],
    [
      "a misspelled field of a new one",
      "POST",
      ROLLOUTS,
      { featureName: "x", path: TAB_SYNC, tires: [] },
      400,
      "INVALID_PATCH",
    ],
    [
      "a name that no URL can hold",
      "POST",
      ROLLOUTS,
      { featureName: "..", path: TAB_SYNC },
      400,
      "INVALID_PATCH",
    ],
    [
      "an unknown path",
      "POST",
      ROLLOUTS,
      { featureName: "x", path: "sessionPersistence.tabSync" },
      422,
      "UNKNOWN_PATH",
    ],
    [
      "a value of another type",
      "POST",
      ROLLOUTS,
      { featureName: "x", path: TAB_SYNC, value: "on" },
      422,
      "TYPE_MISMATCH",
    ],
    [
      "a flag that another rollout has",
      "POST",
      ROLLOUTS,
      { featureName: "x", path: TAB_SYNC },
      409,
      "ROLLOUT_CONFLICT",
    ],
    ["a step that cannot be now", "POST", `${ROLLOUTS}/tab%20sync/advance`, {}, 409, "ROLLOUT_REFUSED"],
    [
      "a version that is over",
      "POST",
      `${ROLLOUTS}/tab%20sync/start`,
      { ifVersion: 7 },
      409,
      "VERSION_CONFLICT",
    ],
    ["a body that is no object", "POST", ROLLOUTS, [], 400, "MALFORMED_REQUEST"],
  ] as const)("refuse %s", async (_, method, path, body, status, code) => {
    const { send } = await withRollout();
    const answer = await send(path, {
      method,
      headers: { ...AUTHORIZED, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
  });

  it("answer nobody without a key, whatever is asked", async () => {
    const { send } = await withRollout();
    for (const path of [
      ROLLOUTS,
      `${ROLLOUTS}/tab%20sync`,
      `${ROLLOUTS}/x/start`,
      `${ROLLOUTS}/x/none/such`,
    ]) {
      for (const method of ["GET", "POST", "DELETE"]) {
        const answer = await send(path, { method });
        expect([path, method, answer.status]).toEqual([path, method, 401]);
      }
    }
  });

  it("find a rollout by whatever its name holds", async () => {
    const { post, get } = adminServer();
    for (const [index, featureName] of ["a/b", "...", ".x", "%2F", "ä 😀", "x?y#z", "a'(b)"].entries()) {
      const path = ["sessionPersistence.phase3.tabSync", "sessionPersistence.phase3.analytics"][index % 2];
      const made = await post(ROLLOUTS, { featureName, path });
      expect(made.status).toBe(201);
      const answer = await get(`${ROLLOUTS}/${encodeURIComponent(featureName)}`);
      expect(answer.json.rollout.featureName).toBe(featureName);
      await post(`${ROLLOUTS}/${encodeURIComponent(featureName)}/rollback`, {});
    }
  });
});
