import type { AdminKey } from "../feature-flags/core/storage.ts";
import { sha256 } from "./digest.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 8;
/** 62^43 is just over 2^256. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const KEY = new RegExp(
  `^(strata_admin_([0-9A-Za-z]{${ID_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH}}))([0-9A-Za-z]{6})$`,
);

/** The parts of a key that a person holds. */
export interface AdminKeyParts {
  /** Public: names the key in the audit trail. */
  readonly id: string;
  readonly secret: string;
}

export interface NewAdminKey {
  /** `strata_admin_<id>_<secret><checksum>`: shown once, never stored. */
  readonly key: string;
  /** What is stored: the secret only as its SHA-256 digest. 256 random bits need no slower hash. */
  readonly record: AdminKey;
}

export interface NewAdminKeyOptions {
  readonly name: string;
  readonly role: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** That many random bytes; `globalThis.crypto` where not given. */
  readonly random?: (length: number) => Uint8Array;
}

/**
 * A new key with 256 random bits of secret.
 *
 * @example
 * const { key, record } = await createAdminKey({ name: "first", role: "admin", now: Date.now() });
 * await storage.addFirstAdminKey(record);
 */
export async function createAdminKey(options: NewAdminKeyOptions): Promise<NewAdminKey> {
  const random = options.random ?? randomBytes;
  const id = randomText(ID_LENGTH, random);
  const secret = randomText(SECRET_LENGTH, random);
  const { name, role, now } = options;
  const record = { id, role, name, secretHash: await sha256(secret), createdAt: now };
  return { key: formatKey({ id, secret }), record };
}

export function formatKey({ id, secret }: AdminKeyParts): string {
  const body = `strata_admin_${id}_${secret}`;
  return body + checksum(body);
}

/**
 * The parts of a well-formed key; undefined for anything else. The checksum tells a mistyped key from a wrong one
 * without asking the database, and lets secret scanners recognise a leaked key with certainty.
 */
export function parseAdminKey(text: string): AdminKeyParts | undefined {
  const [, body, id, secret, sum] = KEY.exec(text) ?? [];
  if (body === undefined || id === undefined || secret === undefined) return undefined;
  return checksum(body) === sum ? { id, secret } : undefined;
}

/** The text with every admin key in it cut down to its id: for logs and messages. */
export function maskAdminKeys(text: string): string {
  return text.replace(/(strata_admin_[0-9A-Za-z]+_)[0-9A-Za-z]+/g, "$1***");
}

function randomText(length: number, random: (length: number) => Uint8Array): string {
  let text = "";
  while (text.length < length) {
    for (const byte of random(length)) {
      // 248 is the last multiple of 62: taking more would make the first letters of the alphabet likelier.
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

function randomBytes(length: number): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}

function checksum(text: string): string {
  let rest = crc32(new TextEncoder().encode(text));
  let sum = "";
  while (sum.length < CHECKSUM_LENGTH) {
    sum = ALPHABET[rest % 62] + sum;
    rest = Math.floor(rest / 62);
  }
  return sum;
}

/** The CRC-32 of zip and PNG, bit by bit: keys are short and seldom checked. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
