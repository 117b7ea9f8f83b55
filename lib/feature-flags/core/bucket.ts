/** How many buckets there are: a rollout moves in steps of 0.001 %. */
export const BUCKETS = 100_000;

/** Where the bytes of one unit are put together. Everything here is synchronous, so one place serves all. */
let bytes = new Uint8Array(2_048);

/**
 * The bucket of a unit, 0 to 99,999: pure, the same in every process and in every language that has murmur3.
 * A rollout at 12.5 % serves the buckets below 12,500. Units are spread evenly, and differently for each salt.
 *
 * What is hashed is the salt's length in bytes, a colon, the salt and the unit's id, so that no other pair
 * reads alike. The hash decides who is in a 10 % rollout: changing any of this moves every tenant.
 *
 * @example
 * bucketOf("tab-sync", "cust_123") // murmur3_x86_32("8:tab-synccust_123") of 2 ** 32, in 100,000 parts
 */
export function bucketOf(salt: string, unitId: string): number {
  const longest = 3 * (salt.length + unitId.length) + 20;
  if (longest > bytes.length) bytes = new Uint8Array(longest);
  const prefix = `${byteLength(salt)}:`;
  const end = write(unitId, write(salt, write(prefix, 0)));
  // Exact: 49 bits. Each bucket gets 42,949 or 42,950 hashes, and those below any limit are evenly many.
  return Math.floor((murmur3(bytes, end) * BUCKETS) / 2 ** 32);
}

/** MurmurHash3 x86 32-bit of the first `length` bytes, unsigned. */
export function murmur3(data: Uint8Array, length: number, seed = 0): number {
  const whole = length & ~3;
  let hash = seed | 0;
  for (let at = 0; at < whole; at += 4) {
    const block =
      (data[at] ?? 0) |
      ((data[at + 1] ?? 0) << 8) |
      ((data[at + 2] ?? 0) << 16) |
      ((data[at + 3] ?? 0) << 24);
    hash ^= scrambled(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = length - 1; at >= whole; at -= 1) rest = (rest << 8) | (data[at] ?? 0);
  hash ^= scrambled(rest) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

/** The code point at `index`; a lone surrogate counts as U+FFFD, as it does wherever UTF-8 is written. */
function codePointAt(text: string, index: number): number {
  const code = text.codePointAt(index) ?? 0;
  return code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
}

function byteLength(text: string): number {
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = codePointAt(text, index);
    if (code > 0xffff) index += 1;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

/** Writes `text` as UTF-8 from `start` on; answers where it ends. */
function write(text: string, start: number): number {
  let at = start;
  for (let index = 0; index < text.length; index += 1) {
    const code = codePointAt(text, index);
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
      } else {
        index += 1;
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (code & 0x3f);
  }
  return at;
}
