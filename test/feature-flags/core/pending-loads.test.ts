import { describe, expect, it } from "vitest";
import { type PendingLoad, PendingLoads } from "../../../lib/feature-flags/core/pending-loads.ts";
import type { TenantContext } from "../../../lib/feature-flags/core/types.ts";

interface Started {
  readonly load: PendingLoad;
  readonly finish: (answer: string) => void;
  readonly fail: (error: Error) => void;
}

function loads() {
  const pending = new PendingLoads<string>();
  const started: Started[] = [];
  const start = (load: PendingLoad) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    started.push({ load, finish: resolve, fail: reject });
    return promise;
  };
  return {
    pending,
    started,
    join: (context: TenantContext) => pending.join(context, start),
    begin: (context: TenantContext) => pending.begin(context, start),
  };
}

const customer = { customerId: "cust_1" };

describe("joining", () => {
  it("shares the load under way for the same pair, and no other", async () => {
    const { started, join } = loads();
    const [one, two] = [join(customer), join({ customerId: "cust_1", organizationId: undefined })];
    const others = [{ organizationId: "cust_1" }, { customerId: "cust_1", organizationId: "cust_1" }, {}];
    for (const other of others) void join(other);
    expect(started).toHaveLength(4);
    started[0]?.finish("answer");
    expect([await one, await two]).toEqual(["answer", "answer"]);
  });

  it("begins anew once the load is over, also where it failed", async () => {
    const { started, join } = loads();
    const failing = join(customer);
    started[0]?.fail(new Error("down"));
    await expect(failing).rejects.toThrow("down");
    const second = join(customer);
    started[1]?.finish("up");
    expect(await second).toBe("up");
    expect(started).toHaveLength(2);
  });
});

describe("invalidation", () => {
  it("outdates the loads it concerns, and those who come later start their own", async () => {
    const { pending, started, join } = loads();
    const old = join(customer);
    pending.invalidateCustomer("cust_12");
    expect(started[0]?.load.current).toBe(true);
    pending.invalidateCustomer("cust_1");
    expect(started[0]?.load.current).toBe(false);
    const late = join(customer);
    started[1]?.finish("new");
    started[0]?.finish("old");
    expect([await old, await late]).toEqual(["old", "new"]);
    expect(started[1]?.load.current).toBe(true);
  });

  it("of an organization concerns its customers, and all whose organization is not known yet", () => {
    const { pending, started, join } = loads();
    const contexts = [
      { organizationId: "org_1" },
      { customerId: "a", organizationId: "org_1" },
      { customerId: "b" },
      { customerId: "c", organizationId: "org_12" },
      { organizationId: "org_12" },
      {},
    ];
    for (const context of contexts) void join(context);
    pending.invalidateOrganization("org_1");
    expect(started.map(({ load }) => load.current)).toEqual([false, false, false, true, true, true]);
    pending.invalidateAll();
    expect(started.some(({ load }) => load.current)).toBe(false);
  });

  it("reaches every load, also one that another has overtaken", () => {
    const { pending, started, begin } = loads();
    void begin(customer);
    void begin(customer);
    pending.invalidateCustomer("cust_1");
    expect(started.map(({ load }) => load.current)).toEqual([false, false]);
  });
});

describe("beginning", () => {
  it("overtakes the load under way: later ones join the newer, and the older counts no more", async () => {
    const { started, begin, join } = loads();
    const older = begin(customer);
    const newer = begin(customer);
    const joined = join(customer);
    expect(started.map(({ load }) => load.current)).toEqual([false, true]);
    started[0]?.finish("older");
    expect(await older).toBe("older");
    expect(started).toHaveLength(2);
    started[1]?.finish("newer");
    expect([await newer, await joined]).toEqual(["newer", "newer"]);
  });
});

it("a load that was outdated and reads again is reached by what outdates it then", async () => {
  const loads = new PendingLoads<boolean>();
  const going: (() => void)[] = [];
  const answer = loads.join({ customerId: "cust_1" }, async (load) => {
    await new Promise<void>((resolve) => going.push(resolve));
    load.current = true;
    await new Promise<void>((resolve) => going.push(resolve));
    return load.current;
  });
  loads.invalidateCustomer("cust_1");
  going.shift()?.();
  await Promise.resolve();
  await Promise.resolve();
  loads.invalidateCustomer("cust_1");
  going.shift()?.();
  expect(await answer).toBe(false);
});
