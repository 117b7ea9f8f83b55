import { describe, expect, it } from "vitest";
import type { AdminKey } from "../../lib/feature-flags/core/storage.ts";
import { createAdminKey, formatKey } from "../../lib/server/admin-key.ts";
import { type AdminKeys, addressSource, createAuthentication } from "../../lib/server/authentication.ts";

const CONFIGURED = "correct horse battery staple";

async function setup(options: { failuresPerMinute?: number; configured?: string } = {}) {
  const { key, record } = await createAdminKey({ name: "first", role: "admin", now: 0 });
  const clock = { now: 0 };
  const lookups: string[] = [];
  const keys: AdminKeys = {
    configured: options.configured,
    async find(id: string): Promise<AdminKey | undefined> {
      lookups.push(id);
      return id === record.id ? record : undefined;
    },
  };
  const authenticate = createAuthentication({
    keys,
    failuresPerMinute: options.failuresPerMinute ?? 20,
    now: () => clock.now,
  });
  const attempt = (token: string, address = "10.0.0.1") =>
    authenticate(`Bearer ${token}`, address).then(
      (actor) => actor.name,
      (error: { code: string }) => error.code,
    );
  return { key, record, clock, lookups, authenticate, attempt };
}

const guess = (index: number, id = "guessed0") => formatKey({ id, secret: String(index).padStart(43, "g") });

describe("createAuthentication", () => {
  it("knows a stored key by its id", async () => {
    const { key, record, authenticate } = await setup();
    expect(await authenticate(`Bearer ${key}`, "10.0.0.1")).toEqual({
      name: `key:${record.id}`,
      role: "admin",
    });
    expect(await authenticate(`bearer   ${key}`, undefined)).toMatchObject({ name: `key:${record.id}` });
  });

  it("accepts the configured key without asking storage, so that it works while storage is down", async () => {
    const { attempt, lookups } = await setup({ configured: CONFIGURED });
    expect(await attempt(CONFIGURED)).toBe("key:STRATA_ADMIN_KEY");
    expect(lookups).toEqual([]);
  });

  it("accepts nothing in place of a key that is not configured", async () => {
    const { attempt } = await setup();
    for (const token of ["undefined", "null", "0".repeat(64), CONFIGURED]) {
      expect(await attempt(token)).toBe("UNAUTHENTICATED");
    }
  });

  it.each([null, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x", "Bearerx"])(
    "asks for a key where the header is %j",
    async (header) => {
      const { authenticate } = await setup();
      await expect(authenticate(header, "10.0.0.1")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    },
  );

  it("refuses another key's secret under a known id, and a known secret under another id", async () => {
    const { attempt, record, key } = await setup();
    const secret = key.slice("strata_admin_".length + 9, -6);
    expect(await attempt(formatKey({ id: record.id, secret: "s".repeat(43) }))).toBe("UNAUTHENTICATED");
    expect(await attempt(formatKey({ id: "otherkey", secret }))).toBe("UNAUTHENTICATED");
    expect(await attempt(formatKey({ id: record.id, secret }))).toBe(`key:${record.id}`);
  });

  it("does not accept the stored digest as a key", async () => {
    const { attempt, record } = await setup();
    expect(await attempt(record.secretHash)).toBe("UNAUTHENTICATED");
  });

  it("tells a mistyped key without asking storage", async () => {
    const { key, authenticate, lookups } = await setup();
    await expect(authenticate(`Bearer ${key.slice(0, -1)}`, "10.0.0.1")).rejects.toThrow(/mistyped/);
    expect(lookups).toEqual([]);
  });

  it("passes on that storage failed, and does not count it as a guess", async () => {
    const authenticate = createAuthentication({
      keys: { find: () => Promise.reject(Object.assign(new Error("down"), { code: "STORAGE_UNAVAILABLE" })) },
      failuresPerMinute: 3,
      now: () => 0,
    });
    for (let attempt = 0; attempt < 10; attempt++) {
      await expect(authenticate(`Bearer ${guess(attempt)}`, "a")).rejects.toThrow("down");
    }
  });
});

describe("failed attempts", () => {
  it("lock an address after twenty in a minute, with the seconds to wait, and ten thousand find nothing", async () => {
    const { authenticate, lookups } = await setup();
    const codes = new Map<string, number>();
    for (let index = 0; index < 10_000; index++) {
      await authenticate(`Bearer ${guess(index, String(index).padStart(8, "k"))}`, "10.0.0.1").catch(
        (error: { code: string; details?: { retryAfter: number } }) => {
          codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
          if (error.code === "RATE_LIMITED") expect(error.details?.retryAfter).toBe(3);
        },
      );
    }
    expect(codes).toEqual(
      new Map([
        ["UNAUTHENTICATED", 20],
        ["RATE_LIMITED", 9980],
      ]),
    );
    expect(lookups).toHaveLength(20);
  });

  it("are counted before they are judged: a thousand at once get no more tries", async () => {
    const { attempt, lookups } = await setup();
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) => attempt(guess(index, String(index).padStart(8, "k")))),
    );
    expect(lookups).toHaveLength(20);
  });

  it("lock a key id that is guessed at from many addresses", async () => {
    const { attempt } = await setup();
    for (let index = 0; index < 20; index++) {
      expect(await attempt(guess(index), `10.0.1.${index}`)).toBe("UNAUTHENTICATED");
    }
    expect(await attempt(guess(21), "10.0.2.1")).toBe("RATE_LIMITED");
    expect(await attempt(guess(22, "another0"), "10.0.2.1")).toBe("UNAUTHENTICATED");
  });

  it("leave other addresses alone, and are forgiven with time", async () => {
    const { attempt, clock, key, record } = await setup();
    for (let index = 0; index < 21; index++) await attempt(guess(index, String(index).padStart(8, "k")));
    expect(await attempt(key)).toBe("RATE_LIMITED");
    expect(await attempt(key, "10.0.0.2")).toBe(`key:${record.id}`);
    clock.now = 3000;
    expect(await attempt(key)).toBe(`key:${record.id}`);
  });

  it("are not what a busy client makes with one good key", async () => {
    const { attempt, key, record } = await setup({ failuresPerMinute: 2 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => attempt(key)));
    expect(new Set(answers)).toEqual(new Set([`key:${record.id}`]));
    for (let index = 0; index < 50; index++) expect(await attempt(key)).toBe(`key:${record.id}`);
  });

  it("are not requests without any key", async () => {
    const { authenticate, attempt, key, record } = await setup({ failuresPerMinute: 2 });
    for (let index = 0; index < 50; index++) await authenticate(null, "10.0.0.1").catch(() => undefined);
    expect(await attempt(key)).toBe(`key:${record.id}`);
  });
});

describe("addressSource", () => {
  it.each([
    ["10.0.0.1", "address 10.0.0.1"],
    ["::ffff:10.0.0.1", "address 10.0.0.1"],
    ["2001:db8:1:2:3:4:5:6", "network 2001:db8:1:2"],
    ["2001:DB8:1:2:ffff::1", "network 2001:db8:1:2"],
    ["2001:db8::1", "network 2001:db8:0:0"],
    ["2001:0db8:0000:0000::1", "network 2001:db8:0:0"],
    ["::1", "network 0:0:0:0"],
    ["fe80::1%eth0", "network fe80:0:0:0"],
    [undefined, "address unknown"],
  ])("takes %s as %s", (address, source) => {
    expect(addressSource(address)).toBe(source);
  });
});
