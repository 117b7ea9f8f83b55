import { FlagError } from "../feature-flags/core/errors.ts";
import { isPlainObject } from "../feature-flags/core/paths.ts";
import type { TenantSnapshot } from "../feature-flags/core/snapshot.ts";
import type { StorageState } from "../feature-flags/core/storage.ts";

/** The format this version writes. It reads the one before, too, which knew no rollouts. */
const FORMAT = 2;
const WITHOUT_ROLLOUTS = 1;
const KIND = "snapshot";
const MAX_EPOCH = 255;
/** The last moment that a `Date` can be. */
const MAX_MOMENT = 8.64e15;

/** What the first line of a file says about the rest of it. */
export interface SnapshotHeader extends StorageState {
  /** Milliseconds since the Unix epoch. */
  readonly takenAt: number;
  /** How many lines of each follow. */
  readonly overrides: number;
  readonly memberships: number;
  readonly rollouts: number;
}

export function headerOf(snapshot: TenantSnapshot): SnapshotHeader {
  const { epoch, revision, takenAt, overrides, memberships, rollouts } = snapshot;
  return checkedHeader({
    ...{ epoch, revision, takenAt },
    ...{ overrides: overrides.length, memberships: memberships.length, rollouts: rollouts.length },
  });
}

export function headerLine(header: SnapshotHeader, format = FORMAT): string {
  const { epoch, revision, takenAt, overrides, memberships, rollouts } = header;
  const counts = format === WITHOUT_ROLLOUTS ? {} : { rollouts };
  return JSON.stringify({
    ...{ strata: KIND, format, epoch, revision, takenAt },
    ...{ overrides, memberships, ...counts, complete: true },
  });
}

/** Throws STORAGE_CORRUPT for what is no header, SCHEMA_TOO_NEW for one of a later format. */
export function parseHeader(line: string): SnapshotHeader {
  const parsed = parsedJson(line);
  if (!isPlainObject(parsed) || parsed["strata"] !== KIND) {
    throw unsound("Its first line is not the header of a snapshot.");
  }
  const format = parsed["format"];
  if (!isCount(format)) throw unsound("Its header names no format.");
  if (format > FORMAT) {
    throw new FlagError(
      "SCHEMA_TOO_NEW",
      `It is of format ${format}, written by a newer version of Strata; this one reads up to format ${FORMAT}.`,
    );
  }
  if (format < WITHOUT_ROLLOUTS) throw unsound(`Its format ${format} never was one.`);
  const header = checkedHeader(format === WITHOUT_ROLLOUTS ? { ...parsed, rollouts: 0 } : parsed);
  // Also what makes "complete" mean something: no other spelling of it passes.
  if (headerLine(header, format) !== line) throw unsound("Its header is not as a complete snapshot has it.");
  return header;
}

/** Whether `one` was taken after `other`, as far as that can be told: only within one epoch. */
export function isNewer(one: StorageState, other: StorageState): boolean {
  return one.epoch === other.epoch && one.revision > other.revision;
}

/** A whole number from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Milliseconds from the Unix epoch, of a moment that a `Date` can be. */
export function isMoment(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(Number(value)) <= MAX_MOMENT;
}

/** Why a file is not used. */
export function unsound(why: string, cause?: unknown): FlagError {
  return new FlagError("STORAGE_CORRUPT", why, { cause });
}

export function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) throw unsound("It is not JSON.", error);
    throw error;
  }
}

function checkedHeader(said: Readonly<Record<string, unknown>>): SnapshotHeader {
  const { epoch, revision, takenAt, overrides, memberships, rollouts } = said;
  if (typeof epoch !== "string" || epoch === "" || epoch.length > MAX_EPOCH || !epoch.isWellFormed()) {
    throw unsound(`The epoch must be text of 1 to ${MAX_EPOCH} characters.`);
  }
  if (!isCount(revision)) throw unsound("The revision must be a whole number from 0.");
  if (!isMoment(takenAt)) throw unsound("takenAt must be milliseconds since the Unix epoch.");
  if (!isCount(overrides) || !isCount(memberships) || !isCount(rollouts)) {
    throw unsound("The counts must be whole numbers from 0.");
  }
  return Object.freeze({ epoch, revision, takenAt, overrides, memberships, rollouts });
}
