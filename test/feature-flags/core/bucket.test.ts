import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf, murmur3 } from "../../../lib/feature-flags/core/bucket.ts";
import { seededRandom } from "../../faults/seeded-random.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const hashed = (text: string, seed = 0) => murmur3(utf8(text), utf8(text).length, seed);

describe("murmur3", () => {
  /** As published with SMHasher's verification of the x86 32-bit variant. */
  it.each([
    [[], 0, 0],
    [[], 1, 0x514e28b7],
    [[], 0xffffffff, 0x81f16f39],
    [[0xff, 0xff, 0xff, 0xff], 0, 0x76293b50],
    [[0x21, 0x43, 0x65, 0x87], 0, 0xf55b516b],
    [[0x21, 0x43, 0x65, 0x87], 0x5082edee, 0x2362f9de],
    [[0x21, 0x43, 0x65], 0, 0x7e4a8634],
    [[0x21, 0x43], 0, 0xa0f7b07a],
    [[0x21], 0, 0x72661cf4],
    [[0, 0, 0, 0], 0, 0x2362f9de],
    [[0, 0, 0], 0, 0x85f0b427],
    [[0, 0], 0, 0x30f4c306],
    [[0], 0, 0x514e28b7],
  ])("gives the published hash of the bytes %j with the seed %i", (bytes, seed, expected) => {
    expect(murmur3(Uint8Array.from(bytes), bytes.length, seed)).toBe(expected);
  });

  it.each([
    ["aaaa", 0x9747b28c, 0x5a97808a],
    ["aaa", 0x9747b28c, 0x283e0130],
    ["aa", 0x9747b28c, 0x5d211726],
    ["a", 0x9747b28c, 0x7fa09ea6],
    ["abcd", 0x9747b28c, 0xf0478627],
    ["abc", 0x9747b28c, 0xc84a62dd],
    ["ab", 0x9747b28c, 0x74875592],
    ["abc", 0, 0xb3dd93fa],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0, 0xee925b90],
    ["Hello, world!", 0x9747b28c, 0x24884cba],
    ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
    ["ππππππππ", 0x9747b28c, 0xd58063c1],
    ["a".repeat(256), 0x9747b28c, 0x37405bdc],
  ])("gives the published hash of %s with the seed %i", (text, seed, expected) => {
    expect(hashed(text, seed)).toBe(expected);
  });

  /** From the author's own C code over the same bytes. */
  it.each([
    ["größe", 0, 0xe3d3963f],
    ["日本語", 0x9747b28c, 0x81632475],
    ["Привет, мир", 0, 0xe87b792c],
    ["🌵", 42, 0xa4cefd26],
    ["🌵🌵", 0x9747b28c, 0x87543d0f],
  ])("agrees with the reference code on %s with the seed %i", (text, seed, expected) => {
    expect(hashed(text, seed)).toBe(expected);
  });
});

describe("bucketOf", () => {
  /** From the author's C code over the same bytes: whoever changes these moves tenants. */
  it.each([
    ["tab-sync", "cust_123", 34_504],
    ["größe", "cust_köln", 56_097],
    ["🌵🌵", "客户", 44_297],
  ])("puts %s and %s together as salt length, colon, salt and id", (salt, id, bucket) => {
    expect(bucketOf(salt, id)).toBe(bucket);
    expect(bucketOf(salt, id)).toBe(inBuckets(hashed(`${utf8(salt).length}:${salt}${id}`)));
  });

  it("hashes the UTF-8 bytes of any text, lone surrogates as U+FFFD", () => {
    const anyText = fc.string({ unit: "binary", maxLength: 300 });
    const property = fc.property(anyText, anyText, (salt, id) => {
      const bytes = Buffer.concat([utf8(`${utf8(salt).length}:`), utf8(salt), utf8(id)]);
      expect(bucketOf(salt, id)).toBe(inBuckets(murmur3(bytes, bytes.length)));
    });
    fc.assert(property, { numRuns: 500 });
    for (const text of ["\ud83c", "\udf35", "a\ud83c", "\udf35\ud83c", "\ud83cz", "\ud83c\udf35\ud83c"]) {
      expect(bucketOf("s", text)).toBe(bucketOf("s", text.replaceAll(/\p{Cs}/gu, "\ufffd")));
    }
    expect(bucketOf("s".repeat(5_000), "é".repeat(5_000))).toBe(
      inBuckets(hashed(`5000:${"s".repeat(5_000)}${"é".repeat(5_000)}`)),
    );
  });

  it("tells apart pairs that read alike when put one after the other", () => {
    const apart = [
      ["tab", "_sync1"],
      ["tab_", "sync1"],
      ["tab_sync", "1"],
      ["", "tab_sync1"],
      ["tab_sync1", ""],
      ["3:tab", "_sync1"],
      ["1", "0:tab_sync1"],
    ] as const;
    expect(new Set(apart.map(([salt, id]) => bucketOf(salt, id))).size).toBe(apart.length);
  });

  it("uses all buckets and none beyond", () => {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = 0;
    for (let n = 0; n < 1_000_000; n += 1) {
      const bucket = bucketOf("edges", `cust_${n}`);
      lowest = Math.min(lowest, bucket);
      highest = Math.max(highest, bucket);
    }
    expect([lowest, highest]).toEqual([0, 99_999]);
  });

  describe.each(Object.entries(shapes()))("over a million ids of the shape %s", (_, idOf) => {
    const salt = "phase2.enhancedStorage";
    const hundredths = new Uint32Array(100);
    const below = { 1000: 0, 10000: 0, 50000: 0 };
    for (let n = 0; n < 1_000_000; n += 1) {
      const bucket = bucketOf(salt, idOf(n));
      hundredths[Math.floor(bucket / 1_000)] = (hundredths[Math.floor(bucket / 1_000)] ?? 0) + 1;
      if (bucket < 1_000) below[1_000] += 1;
      if (bucket < 10_000) below[10_000] += 1;
      if (bucket < 50_000) below[50_000] += 1;
    }

    it("fills every hundredth alike", () => {
      // 99 degrees of freedom, one chance in a thousand.
      expect(chiSquare([...hundredths], Array(100).fill(10_000))).toBeLessThan(148.23);
    });

    it("lets in 1, 10 and 50 %", () => {
      for (const [threshold, count] of Object.entries(below)) {
        const expected = Number(threshold) * 10;
        // One degree of freedom, one chance in a thousand.
        const squared = chiSquare([count, 1_000_000 - count], [expected, 1_000_000 - expected]);
        expect(squared, threshold).toBeLessThan(10.83);
      }
    });
  });

  it("chooses for one feature independently of another, however alike their names are", () => {
    for (const [one, other] of [
      ["feature_1", "feature_2"],
      ["tabSync", "tabSynd"],
      ["a", "aa"],
    ] as const) {
      for (const percentage of [1, 10, 50]) {
        const threshold = percentage * 1_000;
        const counts = [0, 0, 0, 0];
        for (let n = 0; n < 1_000_000; n += 1) {
          const first = bucketOf(one, `cust_${n}`) < threshold ? 2 : 0;
          const at = first + (bucketOf(other, `cust_${n}`) < threshold ? 1 : 0);
          counts[at] = (counts[at] ?? 0) + 1;
        }
        const p = percentage / 100;
        const expected = [(1 - p) ** 2, p * (1 - p), p * (1 - p), p * p].map((part) => part * 1_000_000);
        // Three degrees of freedom, one chance in ten thousand for each of the nine.
        expect(chiSquare(counts, expected), `${one} ${other} ${percentage}`).toBeLessThan(21.11);
      }
    }
  });
});

function inBuckets(hash: number): number {
  return Number((BigInt(hash) * 100_000n) >> 32n);
}

function chiSquare(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, count, index) => {
    const due = expected[index] ?? 0;
    return sum + (count - due) ** 2 / due;
  }, 0);
}

function shapes(): Readonly<Record<string, (n: number) => string>> {
  const random = seededRandom(4);
  const hex = (digits: number) =>
    Math.floor(random.next() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  return {
    cust_N: (n) => `cust_${n}`,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`,
    email: (n) => `user.${n}@customer-${n % 977}.example.com`,
    digits: (n) => String(10_000_000 + n),
  };
}
