import { FlagError } from "../../feature-flags/core/errors.ts";
import { isPlainObject } from "../../feature-flags/core/paths.ts";
import type { RolloutTier } from "../../feature-flags/core/rollout.ts";
import { MAX_TIERS } from "../../feature-flags/core/rollout-parse.ts";
import { contextError } from "../../feature-flags/core/tenant-id.ts";
import { refuseUnknown } from "./known-keys.ts";
import { DEFAULT_TIERS } from "./tiers.ts";

/** A tier as callers name it. */
export interface TierInput {
  /** 1 to 255 characters, its own within the rollout. */
  readonly name: string;
  /** 0 to 100; what is finer than 0.001 is rounded. */
  readonly percentage: number;
  /** Milliseconds that the rollout stays here at least. Default: 0. */
  readonly minimumAge?: number | undefined;
  /** `enabled` and `error` events that it must have seen here. Default: 0. */
  readonly minimumEvents?: number | undefined;
}

/** The tiers that are asked for, else the default ones. INVALID_PATCH with what is wrong. */
export function tiersFrom(input: unknown): readonly RolloutTier[] {
  if (input === undefined) return DEFAULT_TIERS;
  if (!Array.isArray(input) || input.length === 0)
    throw invalid("tiers must be a list of at least one tier.");
  if (input.length > MAX_TIERS)
    throw invalid(`There are ${input.length} tiers; at most ${MAX_TIERS} are allowed.`);
  const tiers = input.map(tierFrom);
  tiers.forEach((tier, at) => {
    const before = tiers[at - 1];
    if (before !== undefined && tier.percentage < before.percentage) {
      throw invalid(
        `"${tier.name}" has ${tier.percentage} %, less than the ${before.percentage} % of "${before.name}": ` +
          "a rollout never takes away what it gave. Put the tiers in order.",
      );
    }
    if (tiers.findIndex(({ name }) => name === tier.name) < at)
      throw invalid(`Two tiers are named "${tier.name}".`);
  });
  return Object.freeze(tiers);
}

/** The index of the tier with this name or index. INVALID_PATCH where there is none. */
export function tierIndex(tiers: readonly RolloutTier[], asked: unknown): number {
  const index = typeof asked === "number" ? asked : tiers.findIndex(({ name }) => name === asked);
  if (Number.isInteger(index) && index >= 0 && index < tiers.length) return index;
  const known = tiers.map(({ name }) => name).join(", ");
  throw invalid(`There is no tier "${String(asked)}". There are: ${known}.`);
}

function tierFrom(input: unknown, at: number): RolloutTier {
  if (!isPlainObject(input)) throw invalid(`tiers[${at}] must be an object: { name, percentage }.`);
  refuseUnknown(input, ["name", "percentage", "minimumAge", "minimumEvents"], `tiers[${at}]`);
  const { name, percentage, minimumAge = 0, minimumEvents = 0 } = input;
  if (typeof name !== "string" || contextError({ customerId: name }) !== undefined) {
    throw invalid(`tiers[${at}].name must be text of 1 to 255 characters without control characters.`);
  }
  if (typeof percentage !== "number" || !(percentage >= 0 && percentage <= 100)) {
    throw invalid(`The percentage of "${name}" must be a number from 0 to 100.`);
  }
  return Object.freeze({
    name,
    percentage: Math.round(percentage * 1_000) / 1_000,
    minimumAge: whole(minimumAge, `The minimumAge of "${name}"`),
    minimumEvents: whole(minimumEvents, `The minimumEvents of "${name}"`),
  });
}

function whole(input: unknown, what: string): number {
  if (typeof input === "number" && Number.isSafeInteger(input) && input >= 0) return input;
  throw invalid(`${what} must be a whole number from 0.`);
}

function invalid(message: string): FlagError {
  return new FlagError("INVALID_PATCH", message);
}
