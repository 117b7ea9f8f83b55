import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { unannounced } from "../held-storage.ts";
import { outageStorage } from "../outage-storage.ts";
import { planManager } from "../plan-flags.ts";

const who = { customerId: "cust_1" };

/** Two managers on a storage that tells nobody of changes. The reads of the second are counted. */
function twoManagers(options: { readonly preload?: boolean } = {}) {
  const memory = unannounced(memoryStorage());
  const outage = outageStorage(memory);
  const { manager: writer, clock } = planManager({ storage: memory });
  const { manager: reader } = planManager({ storage: outage.storage, clock, ...options });
  const reads = () => outage.calls.filter((call) => call === "readTenant").length;
  const change = async (plan: string) => (await writer.setCustomerFlags("cust_1", { plan })).revision ?? -1;
  return { memory, outage, writer, reader, clock, reads, change };
}

describe("a fresh answer", () => {
  it("is never followed by an older one, though it could not be kept", async () => {
    const { reader, change } = twoManagers();
    expect((await reader.getFlags(who)).config.plan).toBe("free");
    await change("gold");
    const fresh = reader.getFlags(who, { fresh: true });
    // Whether the customer belongs to it is not known while it is read.
    reader.invalidateCacheForOrganization("org_1");
    expect((await fresh).config.plan).toBe("gold");
    expect((await reader.getFlags(who)).config.plan).toBe("gold");
  });
});

describe("atLeast", () => {
  it("answers from what was written elsewhere, with exactly one read, and keeps that", async () => {
    const { reader, reads, change } = twoManagers();
    expect((await reader.getFlags(who)).config.plan).toBe("free");
    const revision = await change("gold");
    expect((await reader.getFlags(who)).config.plan).toBe("free");
    expect(await reader.getFlags(who, { atLeast: revision })).toMatchObject({
      config: { plan: "gold" },
      revision,
    });
    expect(reads()).toBe(2);
    expect(await reader.getFlags(who, { atLeast: revision })).toMatchObject({ config: { plan: "gold" } });
    expect((await reader.getFlags(who)).config.plan).toBe("gold");
    expect(reads()).toBe(2);
    await reader.close();
  });

  it("takes the cached answer once the feed has applied the revision, however old that answer is", async () => {
    const { reader, reads, memory } = twoManagers();
    const known = await reader.getFlags(who);
    await memory.saveCustomerFlags("somebody else", { plan: "gold" });
    const { revision } = await memory.readState();
    await reader.catchUp();
    expect(await reader.getFlags(who, { atLeast: revision })).toBe(known);
    expect([known.revision, reads()]).toEqual([0, 1]);
    await reader.close();
  });

  it("needs no read for a tenant in memory once the feed has applied the revision", async () => {
    const { reader, reads, change } = twoManagers({ preload: true });
    await reader.ready();
    const revision = await change("gold");
    await reader.catchUp();
    expect((await reader.getFlags(who, { atLeast: revision })).config.plan).toBe("gold");
    expect(reads()).toBe(0);
    await reader.close();
  });

  it("answers from memory during an outage, too, if what is there has the revision", async () => {
    const { reader, outage, change, clock } = twoManagers({ preload: true });
    await reader.ready();
    const revision = await change("gold");
    await reader.catchUp();
    outage.mode = "down";
    await clock.advance(600_000);
    expect(await reader.getFlags(who, { atLeast: revision })).toMatchObject({
      ...{ config: { plan: "gold" }, stale: true },
    });
    await expect(reader.getFlags(who, { atLeast: revision + 1 })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
    });
    await reader.close();
  });

  it("reads for a tenant in memory as long as the feed has not", async () => {
    const { reader, reads, change } = twoManagers({ preload: true });
    await reader.ready();
    const revision = await change("gold");
    expect((await reader.getFlags(who, { atLeast: revision })).config.plan).toBe("gold");
    expect(reads()).toBe(1);
    await reader.close();
  });

  it("does not join a read that began before", async () => {
    const { reader, outage, change } = twoManagers();
    outage.mode = "hanging";
    const before = reader.getFlags(who);
    outage.mode = "up";
    const revision = await change("gold");
    expect((await reader.getFlags(who, { atLeast: revision })).config.plan).toBe("gold");
    outage.letGo();
    await before;
    expect((await reader.getFlags(who)).config.plan).toBe("gold");
    await reader.close();
  });

  it("rejects rather than answer from before it: an older answer, a stale one, a fallback, a foreign revision", async () => {
    const { reader, outage, change, clock } = twoManagers();
    await reader.getFlags(who);
    const revision = await change("gold");
    await expect(reader.getFlags(who, { atLeast: revision + 1 })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
      message: expect.stringContaining(`revision ${revision}, not for ${revision + 1}`),
    });
    outage.mode = "down";
    const next = await change("platinum");
    for (const tenant of [who, { customerId: "never read" }]) {
      await expect(reader.getFlags(tenant, { atLeast: next })).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
      });
    }
    await clock.advance(600_000);
    await expect(reader.getFlags(who, { atLeast: 0 })).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    outage.mode = "up";
    await clock.advance(5_000);
    expect((await reader.getFlags(who, { atLeast: next })).config.plan).toBe("platinum");
    await reader.close();
  });

  it("holds together with `fresh`, which reads whatever is known", async () => {
    const memory = unannounced(memoryStorage());
    const behind = { isBehind: false };
    let reads = 0;
    const storage: FlagStorage = {
      ...memory,
      readTenant: async (context) => {
        reads += 1;
        const record = await memory.readTenant(context);
        return behind.isBehind ? { ...record, customer: undefined, revision: 0 } : record;
      },
    };
    const { manager } = planManager({ storage });
    const { revision = -1 } = await manager.setCustomerFlags("cust_1", { plan: "gold" });
    for (let time = 1; time <= 2; time += 1) {
      expect((await manager.getFlags(who, { atLeast: revision, fresh: true })).config.plan).toBe("gold");
      expect(reads).toBe(time);
    }
    behind.isBehind = true;
    await expect(manager.getFlags(who, { atLeast: revision, fresh: true })).rejects.toMatchObject({
      code: "STORAGE_UNAVAILABLE",
    });
    await manager.close();
  });

  it.each([
    ["an id that is none", { customerId: "" }],
    ["a context that is none", null],
  ])("rejects %s with what is wrong", async (_, context) => {
    const { manager } = planManager();
    const asked: unknown = context;
    await expect(Reflect.apply(manager.getFlags, manager, [asked, { atLeast: 0 }])).rejects.toMatchObject({
      code: "INVALID_ID",
    });
    await manager.close();
  });

  it("is never rejected where the answer is of this revision or later, here or elsewhere", async () => {
    const { reader, writer, change } = twoManagers();
    for (let time = 0; time < 50; time += 1) {
      const revision = await change(`p${time}`);
      for (const manager of [reader, writer]) {
        expect((await manager.getFlags(who, { atLeast: revision })).config.plan).toBe(`p${time}`);
      }
    }
    await reader.close();
    await writer.close();
  });
});
