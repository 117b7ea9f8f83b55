import { valueFlaw } from "./leaves.ts";
import { frozen, isPlainObject } from "./paths.ts";
import type {
  RollbackThreshold,
  Rollout,
  RolloutSchedule,
  RolloutStatus,
  RolloutStep,
  RolloutTier,
} from "./rollout.ts";
import type { StoredRollout } from "./rollout-storage.ts";
import { contextError } from "./tenant-id.ts";
import type { FlagObject, FlagValue } from "./types.ts";

export const MAX_TIERS = 100;
/** Ids in one list of a rollout. */
export const MAX_LISTED = 10_000;
/** Steps that a rollout keeps of its way; older ones are in the audit trail. */
export const MAX_STEPS = 1_000;
const MAX_NAME = 255;
const MAX_PATH = 2_000;

/** What is wrong with a stored rollout, as the end of a sentence. Stays within this module. */
class Flaw extends Error {}

/**
 * The rollout that a stored row holds, frozen; or, as a string, what is wrong with it. Nothing in the row is
 * believed: it may have been written by hand, or by another version.
 */
export function parseRollout(stored: unknown): Rollout | string {
  try {
    return Object.freeze(rolloutOf(stored));
  } catch (error) {
    if (error instanceof Flaw) return error.message;
    throw error;
  }
}

/** As `parseRollout`, for a row: what is done to the rollout is done by name, so it has to be that of its row. */
export function parseRolloutRow({
  featureName,
  rollout: stored,
}: Pick<StoredRollout, "featureName" | "rollout">): Rollout | string {
  const rollout = parseRollout(stored);
  if (typeof rollout === "string" || rollout.featureName === featureName) return rollout;
  return `featureName is ${JSON.stringify(rollout.featureName)}, not that of its row`;
}

/** The rollout as storage keeps it: JSON has no `undefined`. */
export function rolloutJson(rollout: Rollout): FlagObject {
  const { rollbackThreshold, schedule, tiers, steps, ...rest } = rollout;
  return {
    ...rest,
    tiers: tiers.map((tier) => ({ ...tier })),
    steps: steps.map((step) => ({ ...step })),
    ...(rollbackThreshold === undefined ? {} : { rollbackThreshold: { ...rollbackThreshold } }),
    ...(schedule === undefined ? {} : { schedule: { ...schedule } }),
  };
}

function rolloutOf(stored: unknown): Rollout {
  const row = object(stored, "the rollout");
  const tiers = tiersOf(row["tiers"]);
  const targetTier = index(row["targetTier"], "targetTier", tiers.length);
  const tier = index(row["tier"], "tier", targetTier + 1);
  const status = oneOf(row["status"], "status", STATUSES);
  const steps = stepsOf(row["steps"], tiers.length);
  const last = steps.at(-1);
  if (last === undefined ? status !== "planned" && status !== "rolled_back" : last.tier !== tier) {
    throw new Flaw("steps do not end where tier says it stands");
  }
  return {
    featureName: name(row["featureName"], "featureName"),
    path: text(row["path"], "path", MAX_PATH),
    value: storedValue(row["value"]),
    unit: oneOf(row["unit"], "unit", ["customer", "organization"] as const),
    salt: name(row["salt"], "salt"),
    status,
    tiers,
    tier,
    targetTier,
    allowedCustomers: ids(row["allowedCustomers"], "allowedCustomers"),
    deniedCustomers: ids(row["deniedCustomers"], "deniedCustomers"),
    deniedOrganizations: ids(row["deniedOrganizations"], "deniedOrganizations"),
    rollbackThreshold: isNothing(row["rollbackThreshold"])
      ? undefined
      : thresholdOf(row["rollbackThreshold"]),
    schedule: isNothing(row["schedule"]) ? undefined : scheduleOf(row["schedule"]),
    steps,
    createdAt: number(row["createdAt"], "createdAt", 0, Number.MAX_SAFE_INTEGER),
  };
}

const STATUSES: readonly RolloutStatus[] = ["planned", "in_progress", "paused", "completed", "rolled_back"];

function tiersOf(value: unknown): readonly RolloutTier[] {
  const tiers = list(value, "tiers", MAX_TIERS).map((item, at) => {
    const row = object(item, `tiers[${at}]`);
    return Object.freeze({
      name: name(row["name"], `tiers[${at}].name`),
      percentage: number(row["percentage"], `tiers[${at}].percentage`, 0, 100),
      minimumAge: number(row["minimumAge"], `tiers[${at}].minimumAge`, 0, Number.MAX_SAFE_INTEGER),
      minimumEvents: number(row["minimumEvents"], `tiers[${at}].minimumEvents`, 0, Number.MAX_SAFE_INTEGER),
    });
  });
  if (tiers.length === 0) throw new Flaw("tiers is empty");
  tiers.forEach((tier, at) => {
    if (tier.percentage < (tiers[at - 1]?.percentage ?? 0))
      throw new Flaw(`tiers[${at}] has a lower percentage`);
  });
  return Object.freeze(tiers);
}

function stepsOf(value: unknown, tiers: number): readonly RolloutStep[] {
  const steps = list(value, "steps", MAX_STEPS).map((item, at) => {
    const row = object(item, `steps[${at}]`);
    return Object.freeze({
      tier: index(row["tier"], `steps[${at}].tier`, tiers),
      at: number(row["at"], `steps[${at}].at`, 0, Number.MAX_SAFE_INTEGER),
    });
  });
  return Object.freeze(steps);
}

function thresholdOf(value: unknown): RollbackThreshold {
  const row = object(value, "rollbackThreshold");
  return Object.freeze({
    errorRate: number(row["errorRate"], "rollbackThreshold.errorRate", 0, 1),
    timeWindow: number(row["timeWindow"], "rollbackThreshold.timeWindow", 1, Number.MAX_SAFE_INTEGER),
    minimumEvents: number(
      row["minimumEvents"],
      "rollbackThreshold.minimumEvents",
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    confidence: oneOf(row["confidence"], "rollbackThreshold.confidence", ["interval", "point"] as const),
  });
}

function scheduleOf(value: unknown): RolloutSchedule {
  const { bakeTime } = object(value, "schedule");
  return Object.freeze({ bakeTime: number(bakeTime, "schedule.bakeTime", 0, Number.MAX_SAFE_INTEGER) });
}

function storedValue(value: unknown): FlagValue {
  const flaw = value === undefined ? "is missing" : valueFlaw(value);
  if (flaw !== undefined) throw new Flaw(`value ${flaw}`);
  return frozen(value) as FlagValue;
}

function ids(value: unknown, what: string): readonly string[] {
  const found = list(value, what, MAX_LISTED).filter(isId);
  if (Array.isArray(value) && found.length < value.length) throw new Flaw(`${what} holds what is no id`);
  return Object.freeze(found);
}

function isId(id: unknown): id is string {
  return typeof id === "string" && contextError({ customerId: id }) === undefined;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) throw new Flaw(`${what} is not an object`);
  return value;
}

function list(value: unknown, what: string, longest: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new Flaw(`${what} is not a list`);
  if (value.length > longest) throw new Flaw(`${what} has ${value.length} entries, more than ${longest}`);
  return value;
}

function name(value: unknown, what: string): string {
  if (!isId(value)) throw new Flaw(`${what} is not text of 1 to ${MAX_NAME} characters`);
  return value;
}

function text(value: unknown, what: string, longest: number): string {
  if (typeof value === "string" && value !== "" && value.length <= longest) return value;
  throw new Flaw(`${what} is not text of 1 to ${longest} characters`);
}

function number(value: unknown, what: string, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new Flaw(`${what} is not a number from ${least} to ${most}`);
}

function index(value: unknown, what: string, length: number): number {
  const found = number(value, what, 0, length - 1);
  if (!Number.isInteger(found)) throw new Flaw(`${what} is not a whole number`);
  return found;
}

function oneOf<T extends string>(value: unknown, what: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) throw new Flaw(`${what} is none of ${known.join(", ")}`);
  return found;
}
