import type { StorageConnection } from "./connection.ts";
import { FlagError } from "./errors.ts";
import { TenantImage } from "./image.ts";
import type { TenantSnapshot } from "./snapshot.ts";
import type { StorageState, StoredRollout } from "./storage.ts";
import type { Clock } from "./types.ts";

/** All rollouts, in memory. */
export interface HoldsRollouts {
  readonly book: {
    /** Undefined before they were first read. */
    readonly state: StorageState | undefined;
    readonly stored: readonly StoredRollout[];
  };
  /** Reads them all anew. */
  refresh(): Promise<void>;
}

export interface MomentSource {
  readonly connection: StorageConnection;
  /** Everything in memory, where it is; otherwise storage is read. */
  readonly image: TenantImage | undefined;
  /** The state reached by the feed. */
  readonly state: () => StorageState | undefined;
  /** Lets the feed apply all that is committed. */
  readonly catchUp: () => Promise<void>;
  readonly rollouts: HoldsRollouts;
  readonly clock: Clock;
}

/** Looks for changes until one finds none. Each takes a few milliseconds, and changes seldom come that fast. */
const MOST_LOOKS = 100;
const PAGE = 1_000;

/**
 * Everything as it was at one moment: when storage was last asked, nothing was newer than what had been read before.
 * Undefined before memory is filled. Rejects where changes come faster than they can be read.
 */
export async function momentOf(source: MomentSource): Promise<TenantSnapshot | undefined> {
  const image = source.image ?? new TenantImage(source.connection);
  if (source.image === undefined) await image.load();
  if (image.state === undefined) return undefined;
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const found = await (source.image === undefined ? readLatest(source, image) : catchUpAll(source, image));
    if (found !== undefined) return found;
  }
  throw new FlagError(
    "STORAGE_UNAVAILABLE",
    "Changes come faster than a snapshot of all tenants can be read.",
  );
}

/** Looks at what has changed since the image was read, and reads that anew; the image, if nothing has. */
async function readLatest(source: MomentSource, image: TenantImage): Promise<TenantSnapshot | undefined> {
  const { connection, rollouts, clock } = source;
  // Before the look: it says of them, too, that nothing is newer.
  await rollouts.refresh();
  const { stored } = rollouts.book;
  const { epoch, revision } = image.state ?? (await image.load());
  const page = await connection.read((storage) => storage.changesSince(revision, PAGE));
  if (page.epoch !== epoch || page.revision < revision) {
    await image.load();
    return undefined;
  }
  const last = page.events.at(-1);
  if (last !== undefined) await image.refresh(page.events, { epoch, revision: last.revision });
  const isSame = last === undefined && rollouts.book.stored === stored;
  return isSame ? image.snapshot(clock.now(), stored) : undefined;
}

/** Has the feed look; the image, if that finds nothing, and nothing was put in past the feed meanwhile. */
async function catchUpAll(source: MomentSource, image: TenantImage): Promise<TenantSnapshot | undefined> {
  const { rollouts, state, catchUp, clock } = source;
  if (rollouts.book.state?.epoch !== image.state?.epoch) await rollouts.refresh();
  const { changes } = image;
  const { stored } = rollouts.book;
  const reached = state();
  await catchUp();
  const now = state();
  const isSame = image.changes === changes && rollouts.book.stored === stored && now === reached;
  const isAll = now?.epoch === image.state?.epoch && now?.revision === image.state?.revision;
  return isSame && isAll ? image.snapshot(clock.now(), stored) : undefined;
}
