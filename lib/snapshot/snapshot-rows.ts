import { FlagError, isFlagError } from "../feature-flags/core/errors.ts";
import { isPlainObject } from "../feature-flags/core/paths.ts";
import type { TenantSnapshot } from "../feature-flags/core/snapshot.ts";
import {
  MAX_OVERRIDE_BYTES,
  type StoredRollout,
  type TenantOverride,
} from "../feature-flags/core/storage.ts";
import { checkId, contextError } from "../feature-flags/core/tenant-id.ts";
import { isCount, isMoment, parsedJson, unsound } from "./snapshot-header.ts";
import { createTenantIds } from "./tenant-ids.ts";

type Membership = TenantSnapshot["memberships"][number];
type Rows = Pick<TenantSnapshot, "overrides" | "memberships" | "rollouts">;

/** UTF-16 units: room for the largest override or rollout, and for what stands beside it. */
export const MAX_LINE = 2 * MAX_OVERRIDE_BYTES;

/**
 * The lines of overrides, memberships and rollouts, each without its line break. They pass the very checks that reading
 * them makes: what is written can be read. Throws STORAGE_CORRUPT, naming what it is, for what does not pass.
 */
export function* rowLines({ overrides, memberships, rollouts }: TenantSnapshot): Generator<string> {
  const seen = createSeen();
  for (const override of overrides) {
    const { tenant, flags, version, revision, updatedAt, updatedBy } = override;
    const cells = [tenant.kind, tenant.id, version, revision, updatedAt, updatedBy ?? null, flags];
    yield lineOf(`override of ${tenant.kind}`, tenant.id, () => {
      overrideOf(cells);
      if (!seen[tenant.kind].add(tenant.id)) throw unsound("it is there twice.");
      const line = JSON.stringify(cells);
      if (!isJson(flags)) throw unsound("it holds what JSON cannot say.");
      return line;
    });
  }
  for (const membership of memberships) {
    yield lineOf("membership of customer", membership[0], () => {
      const [customerId] = membershipOf(membership);
      if (!seen.member.add(customerId)) throw unsound("it is there twice.");
      return JSON.stringify(membership);
    });
  }
  for (const { featureName, version, revision, updatedAt, updatedBy, rollout } of rollouts) {
    const cells = [featureName, version, revision, updatedAt, updatedBy ?? null, rollout];
    yield lineOf("rollout of", featureName, () => {
      rolloutOf(cells);
      if (!seen.rollout.add(featureName)) throw unsound("it is there twice.");
      const line = JSON.stringify(cells);
      if (!isJson(rollout)) throw unsound("it holds what JSON cannot say.");
      return line;
    });
  }
}

export interface RowReader {
  /** Takes the next line. Throws STORAGE_CORRUPT, naming the line, for anything but a sound one. */
  take(line: string): void;
  /** All rows; throws STORAGE_CORRUPT if lines are missing. */
  finish(): Rows;
}

/** Reads the lines after the header, of which there must be exactly as many as it says. */
export function createRowReader(counts: Readonly<Record<keyof Rows, number>>): RowReader {
  const overrides: TenantOverride[] = [];
  const memberships: Membership[] = [];
  const rollouts: StoredRollout[] = [];
  const seen = createSeen();

  function takeRow(line: string): void {
    const cells = parsedJson(line);
    if (!Array.isArray(cells)) throw unsound("it is not a list.");
    if (overrides.length < counts.overrides) {
      const override = overrideOf(cells);
      const { kind, id } = override.tenant;
      if (!seen[kind].add(id)) throw unsound("its tenant is there twice.");
      overrides.push(override);
    } else if (memberships.length < counts.memberships) {
      const membership = membershipOf(cells);
      if (!seen.member.add(membership[0])) throw unsound("its customer is there twice.");
      memberships.push(membership);
    } else if (rollouts.length < counts.rollouts) {
      const rollout = rolloutOf(cells);
      if (!seen.rollout.add(rollout.featureName)) throw unsound("its feature is there twice.");
      rollouts.push(rollout);
    } else {
      throw unsound("it is more than the header announces.");
    }
  }

  return Object.freeze({
    take(line: string): void {
      try {
        takeRow(line);
      } catch (error) {
        if (!isFlagError(error)) throw error;
        const at = overrides.length + memberships.length + rollouts.length + 2;
        throw unsound(`Line ${at} is not sound: ${error.message}`, error);
      }
    },
    finish() {
      const announced = counts.overrides + counts.memberships + counts.rollouts;
      if (overrides.length + memberships.length + rollouts.length < announced) {
        throw unsound("It has fewer lines than its header announces.");
      }
      return {
        overrides: Object.freeze(overrides),
        memberships: Object.freeze(memberships),
        rollouts: Object.freeze(rollouts),
      };
    },
  });
}

function createSeen() {
  return {
    ...{ customer: createTenantIds(), organization: createTenantIds() },
    ...{ member: createTenantIds(), rollout: createTenantIds() },
  };
}

// An array and not an object: a third less to read, and no key can be missing, doubled or unknown.
function overrideOf(cells: readonly unknown[]): TenantOverride {
  if (cells.length !== 7) throw unsound("an override has seven cells.");
  // By index: taking a list apart runs its iterator, and this runs a hundred thousand times at a start.
  const kind = cells[0];
  const id = cells[1];
  const version = cells[2];
  const revision = cells[3];
  const updatedAt = cells[4];
  const updatedBy = cells[5];
  if (kind !== "customer" && kind !== "organization") throw unsound("its kind of tenant is unknown.");
  checkId(kind, id);
  if (!isCount(version)) throw unsound("its version is not a whole number from 0.");
  if (!isCount(revision)) throw unsound("its revision is not a whole number from 0.");
  if (!isMoment(updatedAt)) throw unsound("its time is not milliseconds since the Unix epoch.");
  if (updatedBy !== null && typeof updatedBy !== "string") throw unsound("who changed it is not text.");
  const tenant = Object.freeze({ kind, id });
  return Object.freeze({
    tenant,
    flags: cells[6],
    version,
    revision,
    updatedAt,
    updatedBy: updatedBy ?? undefined,
  });
}

function rolloutOf(cells: readonly unknown[]): StoredRollout {
  if (cells.length !== 6) throw unsound("a rollout has six cells.");
  const [featureName, version, revision, updatedAt, updatedBy, rollout] = cells;
  // Names of features are as ids of tenants are.
  if (typeof featureName !== "string" || contextError({ customerId: featureName }) !== undefined) {
    throw unsound("its feature's name is not text of 1 to 255 characters.");
  }
  if (!isCount(version)) throw unsound("its version is not a whole number from 0.");
  if (!isCount(revision)) throw unsound("its revision is not a whole number from 0.");
  if (!isMoment(updatedAt)) throw unsound("its time is not milliseconds since the Unix epoch.");
  if (updatedBy !== null && typeof updatedBy !== "string") throw unsound("who changed it is not text.");
  return Object.freeze({
    ...{ featureName, rollout, version, revision, updatedAt },
    updatedBy: updatedBy ?? undefined,
  });
}

function membershipOf(cells: readonly unknown[]): Membership {
  if (cells.length !== 2) throw unsound("a membership has two cells.");
  const [customerId, organizationId] = cells;
  checkId("customer", customerId);
  checkId("organization", organizationId);
  return Object.freeze([customerId, organizationId] as const);
}

function lineOf(what: string, id: string, write: () => string): string {
  try {
    const line = write();
    if (line.length > MAX_LINE) throw unsound(`it takes more than ${MAX_LINE} characters.`);
    return line;
  } catch (error) {
    // A RangeError is JSON.stringify's on what nests too deeply, a TypeError its word for a circle.
    const known = isFlagError(error) || error instanceof RangeError || error instanceof TypeError;
    if (!known) throw error;
    throw new FlagError(
      "STORAGE_CORRUPT",
      `The ${what} ${JSON.stringify(id)} cannot be kept in a snapshot: ${error.message}`,
      { cause: error },
    );
  }
}

/** Whether reading the JSON of `root` gives `root` again. It must not hold itself. */
function isJson(root: unknown): boolean {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === "string" || typeof value === "boolean" || value === null) continue;
    if (typeof value === "number") {
      if (!Number.isFinite(value)) return false;
    } else if (Array.isArray(value)) {
      for (const item of value) waiting.push(item);
    } else if (isPlainObject(value)) {
      for (const key in value) waiting.push(value[key]);
    } else {
      return false;
    }
  }
  return true;
}
