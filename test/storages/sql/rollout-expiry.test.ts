import { expect, it, onTestFinished } from "vitest";
import { engines } from "./databases.ts";

it("forgetting many events leaves room for other work where storage never waits", async () => {
  const sqlite = await engines.find(({ name }) => name === "SQLite")?.create();
  if (sqlite === undefined) throw new Error("There is no SQLite.");
  onTestFinished(() => sqlite.remove());
  const storage = await sqlite.open();
  const events = Array.from({ length: 45_000 }, (_, n) => ({
    ...{ featureName: "search", customerId: `cust_${n}`, event: "enabled" as const },
    ...{ timestamp: n, tier: 0 },
  }));
  await storage.recordRolloutEvents(events);
  let turns = 0;
  const count = () => {
    turns += 1;
    timer = setTimeout(count);
  };
  let timer = setTimeout(count);
  await storage.expireRolloutEvents({ eventsBefore: 120_000, countsBefore: 0 });
  clearTimeout(timer);
  expect(turns).toBeGreaterThanOrEqual(4);
  // Forgotten, all of them: none is taken a second time.
  expect(await storage.recordRolloutEvents(events.slice(0, 10))).toBe(0);
});

it("so much is forgotten in one call that it ends in time, and the next ones forget the rest", async () => {
  const sqlite = await engines.find(({ name }) => name === "SQLite")?.create();
  if (sqlite === undefined) throw new Error("There is no SQLite.");
  onTestFinished(() => sqlite.remove());
  const storage = await sqlite.open();
  for (const featureName of ["search", "sync"]) {
    const events = Array.from({ length: 65_000 }, (_, n) => ({
      ...{ featureName, customerId: `cust_${n}`, event: "enabled" as const },
      ...{ timestamp: n, tier: 0 },
    }));
    await storage.recordRolloutEvents(events);
  }
  const limits = { eventsBefore: 120_000, countsBefore: 0 };
  expect(await storage.expireRolloutEvents(limits)).toBe(true);
  expect(await storage.expireRolloutEvents(limits)).toBe(false);
  const counted = await storage.countRolloutEvents({ featureName: "sync", since: 1, until: 50_000 });
  expect(counted).toEqual([]);
});
