import type { FlagDefinition } from "../../feature-flags/core/definition.ts";
import { FlagError } from "../../feature-flags/core/errors.ts";
import type { Leaf } from "../../feature-flags/core/leaves.ts";
import { mergeFrozen } from "../../feature-flags/core/merge.ts";
import { frozen, isPlainObject, withPath } from "../../feature-flags/core/paths.ts";
import type { RollbackThreshold, Rollout, RolloutSchedule } from "../../feature-flags/core/rollout.ts";
import { MAX_LISTED } from "../../feature-flags/core/rollout-parse.ts";
import { contextError } from "../../feature-flags/core/tenant-id.ts";
import type { FlagPath, FlagValue, ValueAt } from "../../feature-flags/core/types.ts";
import { refuseUnknown } from "./known-keys.ts";
import { type TierInput, tierIndex, tiersFrom } from "./tier-input.ts";

/** What a new rollout is made of. A boolean flag's `value` may be left out: then it is true. */
export type RolloutInput<C, P extends FlagPath<C>> = RolloutInputBase<P> &
  (boolean extends ValueAt<C, P>
    ? { readonly value?: ValueAt<C, P> | undefined }
    : { readonly value: ValueAt<C, P> });

interface RolloutInputBase<P extends string> {
  /** 1 to 255 characters; what everything about the rollout is asked by. */
  readonly featureName: string;
  /** The flag it sets. */
  readonly path: P;
  /** Whose id decides. Default: "customer". */
  readonly unit?: "customer" | "organization" | undefined;
  /** What ids are hashed with. Default: `featureName`. Rollouts with the same salt choose the same people. */
  readonly salt?: string | undefined;
  readonly allowedCustomers?: readonly string[] | undefined;
  readonly deniedCustomers?: readonly string[] | undefined;
  readonly deniedOrganizations?: readonly string[] | undefined;
  readonly rollbackThreshold?: ThresholdInput | undefined;
  /** Default: 0, 1, 10, 50 and 100 %. At most 100, percentages never falling. */
  readonly tiers?: readonly TierInput[] | undefined;
  /** The tier it completes at, by name or index. Default: the last. */
  readonly targetTier?: string | number | undefined;
  /** Advances by itself; without it, only when asked. */
  readonly schedule?: RolloutSchedule | undefined;
}

export interface ThresholdInput extends Omit<RollbackThreshold, "confidence"> {
  /** Default: "interval". */
  readonly confidence?: RollbackThreshold["confidence"] | undefined;
}

/**
 * The planned rollout that the input asks for, checked against the definition: UNKNOWN_PATH, TYPE_MISMATCH,
 * INVALID_ID, else INVALID_PATCH with what is wrong. Takes input of any shape.
 */
export function plannedRollout<C extends object>(
  definition: FlagDefinition<C>,
  environment: string,
  input: unknown,
  now: number,
): Rollout {
  if (!isPlainObject(input))
    throw invalid("Say what to roll out with an object: { featureName, path, ... }.");
  refuseUnknown(input, INPUT_KEYS, "A rollout");
  const featureName = nameOf(input["featureName"], "featureName");
  if (featureName === "." || featureName === "..") {
    throw invalid(`featureName must not be ${JSON.stringify(featureName)}: no URL could name it.`);
  }
  const leaf = definition.leaf(textOf(input["path"], "path"));
  const tiers = tiersFrom(input["tiers"]);
  return Object.freeze({
    featureName,
    path: leaf.path,
    value: valueFor(definition, environment, leaf, input["value"]),
    unit: oneOf(input["unit"] ?? "customer", "unit", ["customer", "organization"] as const),
    salt: nameOf(input["salt"] ?? featureName, "salt"),
    status: "planned",
    tiers,
    tier: 0,
    targetTier: input["targetTier"] === undefined ? tiers.length - 1 : tierIndex(tiers, input["targetTier"]),
    allowedCustomers: idsOf(input["allowedCustomers"], "allowedCustomers", "customer"),
    deniedCustomers: idsOf(input["deniedCustomers"], "deniedCustomers", "customer"),
    deniedOrganizations: idsOf(input["deniedOrganizations"], "deniedOrganizations", "organization"),
    rollbackThreshold:
      input["rollbackThreshold"] === undefined ? undefined : thresholdOf(input["rollbackThreshold"]),
    schedule: input["schedule"] === undefined ? undefined : scheduleOf(input["schedule"]),
    steps: [],
    createdAt: now,
  });
}

function valueFor<C extends object>(
  definition: FlagDefinition<C>,
  environment: string,
  leaf: Leaf,
  asked: unknown,
): FlagValue {
  const { path } = leaf;
  if (asked === undefined && leaf.kind !== "boolean") {
    throw new FlagError("TYPE_MISMATCH", `"${path}" is no boolean: say which value to roll out (value).`, {
      path,
    });
  }
  const value = asked === undefined ? true : asked;
  const flaw = definition.flaw(leaf, value);
  if (flaw !== undefined) throw new FlagError("TYPE_MISMATCH", `"${path}" ${flaw}.`, { path });
  // A copy: what was checked is what is written.
  const kept = frozen(value) as FlagValue;
  const config = mergeFrozen(
    definition.environment(environment).config,
    withPath({}, leaf.segments, kept),
    definition.defaults,
  );
  const issue = definition.schemaIssues(config).find((candidate) => candidate.path === path);
  if (issue !== undefined) throw new FlagError("TYPE_MISMATCH", issue.message, { path });
  return kept;
}

function thresholdOf(input: unknown): RollbackThreshold {
  if (!isPlainObject(input)) throw invalid("rollbackThreshold must be an object.");
  refuseUnknown(input, ["errorRate", "timeWindow", "minimumEvents", "confidence"], "rollbackThreshold");
  const { errorRate, timeWindow, minimumEvents, confidence } = input;
  return Object.freeze({
    errorRate: numberOf(errorRate, "rollbackThreshold.errorRate", 0, 1),
    timeWindow: wholeOf(timeWindow, "rollbackThreshold.timeWindow", 1_000, LONGEST_WINDOW),
    minimumEvents: wholeOf(minimumEvents, "rollbackThreshold.minimumEvents"),
    confidence: oneOf(confidence ?? "interval", "rollbackThreshold.confidence", [
      "interval",
      "point",
    ] as const),
  });
}

/** Six days: where a window begins is counted event by event, and events are kept for seven. */
const LONGEST_WINDOW = 6 * 86_400_000;

function scheduleOf(input: unknown): RolloutSchedule {
  if (!isPlainObject(input)) throw invalid("schedule must be an object: { bakeTime }.");
  refuseUnknown(input, ["bakeTime"], "schedule");
  return Object.freeze({ bakeTime: wholeOf(input["bakeTime"], "schedule.bakeTime") });
}

const INPUT_KEYS: readonly (keyof RolloutInputBase<string> | "value")[] = [
  ...(["featureName", "path", "value", "unit", "salt", "tiers", "targetTier", "schedule"] as const),
  ...(["allowedCustomers", "deniedCustomers", "deniedOrganizations", "rollbackThreshold"] as const),
];

function idsOf(input: unknown, what: string, kind: "customer" | "organization"): readonly string[] {
  if (input === undefined) return Object.freeze([]);
  if (!Array.isArray(input)) throw invalid(`${what} must be a list of ids.`);
  if (input.length > MAX_LISTED) {
    throw invalid(`${what} has ${input.length} ids; at most ${MAX_LISTED} are allowed. Use tiers for more.`);
  }
  const ids = new Set<string>();
  for (const id of input as readonly unknown[]) {
    if (typeof id !== "string") throw new FlagError("INVALID_ID", `${what} must hold ids only, as strings.`);
    const flaw = contextError(kind === "customer" ? { customerId: id } : { organizationId: id });
    if (flaw !== undefined) throw new FlagError("INVALID_ID", `In ${what}: ${flaw.message}`);
    ids.add(id);
  }
  return Object.freeze([...ids]);
}

/** A feature's name and a salt follow the rules of ids: both are hashed, stored and shown. */
function nameOf(input: unknown, what: string): string {
  if (typeof input === "string" && contextError({ customerId: input }) === undefined) return input;
  throw invalid(`${what} must be text of 1 to 255 characters without control characters.`);
}

function textOf(input: unknown, what: string): string {
  if (typeof input !== "string") throw invalid(`${what} must be a string.`);
  return input;
}

function numberOf(input: unknown, what: string, least: number, most: number): number {
  if (typeof input === "number" && input >= least && input <= most) return input;
  throw invalid(`${what} must be a number from ${least} to ${most}.`);
}

function wholeOf(input: unknown, what: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  const number = numberOf(input, what, least, most);
  if (!Number.isInteger(number)) throw invalid(`${what} must be a whole number.`);
  return number;
}

function oneOf<T extends string>(input: unknown, what: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === input);
  if (found === undefined) throw invalid(`${what} must be one of ${known.join(", ")}.`);
  return found;
}

function invalid(message: string): FlagError {
  return new FlagError("INVALID_PATCH", message);
}
