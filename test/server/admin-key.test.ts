import { describe, expect, it } from "vitest";
import { createAdminKey, formatKey, maskAdminKeys, parseAdminKey } from "../../lib/server/admin-key.ts";
import { sameDigest, sha256 } from "../../lib/server/digest.ts";

const options = { name: "first", role: "admin", now: 1_700_000_000_000 };

/** Bytes that count up, so that a key is the same in every run. */
function counting(): (length: number) => Uint8Array {
  let next = 0;
  return (length) => Uint8Array.from({ length }, () => next++ % 256);
}

describe("createAdminKey", () => {
  it("makes a key with its id, a 43-character secret and a 6-character checksum", async () => {
    const { key, record } = await createAdminKey(options);
    expect(key).toMatch(/^strata_admin_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);
    expect(key).toContain(`_${record.id}_`);
    expect(record).toMatchObject({ name: "first", role: "admin", createdAt: 1_700_000_000_000 });
  });

  it("stores the secret only as its SHA-256 digest", async () => {
    const { key, record } = await createAdminKey(options);
    const secret = parseAdminKey(key)?.secret ?? "";
    expect(record.secretHash).toBe(await sha256(secret));
    expect(JSON.stringify(record)).not.toContain(secret);
    expect(JSON.stringify(record)).not.toContain(secret.slice(0, 12));
  });

  it("takes its randomness as an argument", async () => {
    const one = await createAdminKey({ ...options, random: counting() });
    const other = await createAdminKey({ ...options, random: counting() });
    expect(one).toEqual(other);
    expect((await createAdminKey(options)).key).not.toBe((await createAdminKey(options)).key);
  });

  it("skips the bytes that would favour the first letters", async () => {
    const random = (length: number) =>
      Uint8Array.from({ length }, (_, index) => (index % 2 === 0 ? 255 : 61));
    expect((await createAdminKey({ ...options, random })).record.id).toBe("z".repeat(8));
  });
});

describe("parseAdminKey", () => {
  it("gives back the parts of a key", () => {
    const parts = { id: "abcdEFGH", secret: "s".repeat(43) };
    expect(parseAdminKey(formatKey(parts))).toEqual(parts);
  });

  it("keeps its checksum: keys already given out must stay valid", () => {
    expect(formatKey({ id: "00000000", secret: "0".repeat(43) })).toBe(
      `strata_admin_00000000_${"0".repeat(43)}2lOsI2`,
    );
  });

  it("recognises any single mistyped character without a database", async () => {
    const { key } = await createAdminKey(options);
    for (let at = 0; at < key.length; at++) {
      const typo = key[at] === "x" ? "y" : "x";
      expect(parseAdminKey(key.slice(0, at) + typo + key.slice(at + 1)), `at ${at}`).toBeUndefined();
    }
  });

  it.each(["", "strata_admin_", "strata_admin_abc_def", "x".repeat(70), "Bearer x"])("refuses %j", (text) => {
    expect(parseAdminKey(text)).toBeUndefined();
  });
});

describe("maskAdminKeys", () => {
  it("cuts every key in a text down to its id", async () => {
    const { key, record } = await createAdminKey(options);
    expect(maskAdminKeys(`${key}, ${key}`)).toBe(
      `strata_admin_${record.id}_***, strata_admin_${record.id}_***`,
    );
  });
});

describe("digests", () => {
  it("are SHA-256 in lower-case hex", async () => {
    expect(await sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("compare equal only when they are", async () => {
    const digest = await sha256("abc");
    expect(sameDigest(digest, digest)).toBe(true);
    expect(sameDigest(digest, `${digest.slice(0, -1)}e`)).toBe(false);
    expect(sameDigest(digest, digest.slice(0, 32))).toBe(false);
    expect(sameDigest(digest, "")).toBe(false);
  });
});
