import { FlagError } from "../feature-flags/core/errors.ts";
import type { AdminKey } from "../feature-flags/core/storage.ts";
import { parseAdminKey } from "./admin-key.ts";
import { type AttemptLimit, createAttemptLimit } from "./attempt-limit.ts";
import { sameDigest, sha256 } from "./digest.ts";

/** Where keys come from. A `FlagStorage`'s `findAdminKey` fits as `find`. */
export interface AdminKeys {
  find(id: string): Promise<AdminKey | undefined>;
  /** A key given by configuration (`STRATA_ADMIN_KEY`), accepted beside the stored ones. */
  readonly configured?: string | undefined;
}

export interface AuthenticationOptions {
  readonly keys: AdminKeys;
  /** Failed attempts per address, and per key id, in a minute. */
  readonly failuresPerMinute: number;
  now(): number;
}

/** Who a request acts as: what the audit trail names as the one who changed a flag. */
export interface Actor {
  /** `key:<id>`, or `key:STRATA_ADMIN_KEY` for the configured one. */
  readonly name: string;
  readonly role: string;
}

/** Judges an `Authorization` header. Throws UNAUTHENTICATED, RATE_LIMITED or what storage throws. */
export type Authenticate = (header: string | null, address: string | undefined) => Promise<Actor>;

/** What no secret hashes to, compared against where there is nothing to compare with. */
const NO_DIGEST = "0".repeat(64);
const MAX_SOURCES = 10_000;
const CONFIGURED_ACTOR: Actor = Object.freeze({ name: "key:STRATA_ADMIN_KEY", role: "admin" });

export function createAuthentication(options: AuthenticationOptions): Authenticate {
  const { keys, failuresPerMinute, now } = options;
  const limit = createAttemptLimit({
    burst: failuresPerMinute,
    perMinute: failuresPerMinute,
    maxSources: MAX_SOURCES,
    now,
  });
  const configured = keys.configured === undefined ? undefined : sha256(keys.configured);
  const underWay = new Map<string, Promise<Actor>>();

  return async function authenticate(header, address) {
    const token = bearerToken(header);
    const digest = await sha256(token);
    const source = addressSource(address);
    // Requests that bring the same key at the same moment are one attempt, or a busy client would limit itself.
    const attempt = `${source} ${digest}`;
    const running = underWay.get(attempt);
    if (running !== undefined) return running;
    const judged = counted(limit, sourcesOf(source, token), () => judge(token, digest, keys, configured));
    underWay.set(attempt, judged);
    try {
      return await judged;
    } finally {
      underWay.delete(attempt);
    }
  };
}

function bearerToken(header: string | null): string {
  const [, token] = /^Bearer +(\S.*)$/i.exec(header?.trim() ?? "") ?? [];
  if (token !== undefined) return token;
  throw new FlagError("UNAUTHENTICATED", 'Send an admin key, as the header "Authorization: Bearer <key>".');
}

async function counted(
  limit: AttemptLimit,
  sources: readonly string[],
  judge: () => Promise<Actor>,
): Promise<Actor> {
  const retryAfter = limit.take(sources);
  if (retryAfter > 0) {
    throw new FlagError("RATE_LIMITED", `Too many failed attempts. Try again in ${retryAfter} seconds.`, {
      details: { retryAfter },
    });
  }
  try {
    const actor = await judge();
    limit.giveBack(sources);
    return actor;
  } catch (error) {
    const failed = error instanceof FlagError && error.code === "UNAUTHENTICATED";
    if (!failed) limit.giveBack(sources);
    throw error;
  }
}

/** An unknown id takes the way a known one takes: the same digests, the same look-up, the same comparisons. */
async function judge(
  token: string,
  digest: string,
  keys: AdminKeys,
  configured: Promise<string> | undefined,
): Promise<Actor> {
  if (sameDigest(digest, (await configured) ?? NO_DIGEST)) return CONFIGURED_ACTOR;
  const parts = parseAdminKey(token);
  const secretDigest = await sha256(parts?.secret ?? token);
  const stored = parts === undefined ? undefined : await keys.find(parts.id);
  const known = sameDigest(secretDigest, stored?.secretHash ?? NO_DIGEST);
  if (known && stored !== undefined) return { name: `key:${stored.id}`, role: stored.role };
  const hint =
    token.startsWith("strata_admin_") && parts === undefined ? " It is mistyped or cut short." : "";
  throw new FlagError("UNAUTHENTICATED", `This admin key is not valid.${hint}`);
}

function sourcesOf(addressSource: string, token: string): readonly string[] {
  const parts = parseAdminKey(token);
  return parts === undefined ? [addressSource] : [addressSource, `key ${parts.id}`];
}

/** One IPv4 address, or the /64 network an IPv6 address is in: its holder has all of that. */
export function addressSource(address: string | undefined): string {
  if (address === undefined) return "address unknown";
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return `address ${v4}`;
  const [head = "", tail] = address.toLowerCase().replace(/%.*$/, "").split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  const full = [...groups, ...Array<string>(zeros).fill("0"), ...last];
  return `network ${full
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}`;
}
