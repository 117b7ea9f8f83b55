import { describe, expect, it } from "vitest";
import type { FlagStorage } from "../../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../../lib/storages/memory/index.ts";
import { planManager } from "../plan-flags.ts";
import { recordedLog } from "../recorded-log.ts";

/** A storage whose audit table refuses rows until it is told not to. */
function refusingAudit() {
  const memory = memoryStorage();
  const audit = { refuses: true, waiting: 0, retries: 0, isDown: false };
  const storage: FlagStorage = {
    ...memory,
    async writeOverride(write) {
      const written = await memory.writeOverride(write);
      if (!audit.refuses || written.revision === undefined) return written;
      audit.waiting += 1;
      return { ...written, audit: "kept", auditError: new Error("no partition for this month") };
    },
    async retryAudit() {
      audit.retries += 1;
      if (audit.isDown) throw new Error("connection reset");
      if (!audit.refuses) audit.waiting = 0;
      return audit.waiting;
    },
  };
  return Object.assign(audit, { storage });
}

describe("audit rows that the table refuses", () => {
  it("do not fail the change: it commits, is told of as kept, counted and logged once", async () => {
    const audit = refusingAudit();
    const log = recordedLog();
    const { manager } = planManager({ storage: audit.storage, log });
    expect(await manager.setCustomerFlags("cust_1", { plan: "a" })).toMatchObject({
      version: 1,
      audit: "kept",
    });
    await manager.setCustomerFlags("cust_1", { plan: "b" });
    expect((await manager.getFlags({ customerId: "cust_1" })).config.plan).toBe("b");
    expect(manager.getStats().auditKept).toBe(2);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({ level: "error", facts: { code: "AUDIT_UNAVAILABLE" } });
  });

  it("are tried again every half minute until they are written, and then no more", async () => {
    const audit = refusingAudit();
    const { manager, clock } = planManager({ storage: audit.storage });
    await manager.setCustomerFlags("cust_1", { plan: "a" });
    await clock.advance(29_999);
    expect(audit.retries).toBe(0);
    await clock.advance(1);
    expect(audit.retries).toBe(1);
    await clock.advance(30_000);
    expect([audit.retries, audit.waiting]).toEqual([2, 1]);
    audit.refuses = false;
    await clock.advance(30_000);
    expect([audit.retries, audit.waiting]).toEqual([3, 0]);
    await clock.advance(300_000);
    expect(audit.retries).toBe(3);
  });

  it("are tried again after an attempt that failed, too", async () => {
    const audit = refusingAudit();
    const log = recordedLog();
    const { manager, clock } = planManager({ storage: audit.storage, log });
    await manager.setCustomerFlags("cust_1", { plan: "a" });
    audit.isDown = true;
    await clock.advance(30_000);
    audit.isDown = false;
    audit.refuses = false;
    await clock.advance(30_000);
    expect(audit.waiting).toBe(0);
    expect(log.lines.at(-1)?.message).toContain("connection reset");
  });

  it("are still tried while further changes keep coming", async () => {
    const audit = refusingAudit();
    const { manager, clock } = planManager({ storage: audit.storage });
    for (let change = 0; change < 12; change += 1) {
      await manager.setCustomerFlags("cust_1", { plan: `p${change}` });
      await clock.advance(10_000);
    }
    expect(audit.retries).toBeGreaterThanOrEqual(3);
  });

  it("of an earlier process are looked for after the first change", async () => {
    const audit = refusingAudit();
    audit.refuses = false;
    audit.waiting = 7;
    const { manager, clock } = planManager({ storage: audit.storage });
    await manager.setCustomerFlags("cust_1", { plan: "a" });
    await clock.advance(0);
    expect([audit.retries, audit.waiting]).toEqual([1, 0]);
    await manager.setCustomerFlags("cust_1", { plan: "b" });
    await clock.advance(0);
    expect(audit.retries).toBe(1);
  });

  it("are left alone once the manager is closed", async () => {
    const audit = refusingAudit();
    const { manager, clock } = planManager({ storage: audit.storage });
    await manager.setCustomerFlags("cust_1", { plan: "a" });
    await manager.close();
    await clock.advance(300_000);
    expect([audit.retries, clock.timers()]).toEqual([0, 0]);
  });
});
