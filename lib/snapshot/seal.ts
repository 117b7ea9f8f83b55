import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { unsound } from "./snapshot-header.ts";

/** The last line of a file: a digest of every byte before it. */
export interface Seal {
  update(bytes: Uint8Array): void;
  /** The line, without its line break. The seal takes no more bytes afterwards. */
  line(): string;
  /** Throws STORAGE_CORRUPT unless `line` is the line. The seal takes no more bytes afterwards. */
  check(line: string): void;
}

/** The longest line there is, with its line break. */
export const MAX_SEAL = 128;

const PATTERN = /^\{"(sha256|hmac-sha256)":"([0-9a-f]{64})"\}$/;

/** Without a secret it shows damage; with one (HMAC) also what somebody without the secret has written. */
export function createSeal(secret: string | undefined): Seal {
  const kind = secret === undefined ? "sha256" : "hmac-sha256";
  const digest = secret === undefined ? createHash("sha256") : createHmac("sha256", secret);
  return Object.freeze({
    update(bytes: Uint8Array): void {
      digest.update(bytes);
    },
    line: () => JSON.stringify({ [kind]: digest.digest("hex") }),
    check(line: string): void {
      const [, named, hex = ""] = PATTERN.exec(line) ?? [];
      if (named === undefined) throw unsound("Its end is missing: it was cut off, or changed.");
      if (named !== kind) {
        throw unsound(
          secret === undefined
            ? "It is sealed with a secret, and none is given."
            : "It is not sealed with a secret, and one is given.",
        );
      }
      if (!timingSafeEqual(Buffer.from(hex, "hex"), digest.digest())) {
        const other = secret === undefined ? "" : ", or it is sealed with another secret";
        throw unsound(`Its checksum differs: it was damaged or changed${other}.`);
      }
    },
  });
}
