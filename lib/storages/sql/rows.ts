import { isFlagObject } from "../../feature-flags/core/paths.ts";
import type {
  Attributes,
  FeedEvent,
  RolloutCount,
  StoredOverride,
  StoredRollout,
} from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent, FlagObject, FlagValue } from "../../feature-flags/core/types.ts";

/** Cells as the queries here select them: text, whatever the column holds. */
export type TextRow<Column extends string> = { readonly [name in Column]: string | null };

export type OverrideColumn = "flags" | "version" | "revision" | "updated_at" | "updated_by";
export type ChangeColumn =
  | "revision"
  | "position"
  | "change_id"
  | "customer_id"
  | "organization_id"
  | "flag_path"
  | "old_value"
  | "new_value"
  | "old_override"
  | "new_override"
  | "changed_by"
  | "on_behalf_of"
  | "changed_at"
  | "reason"
  | "feature_name"
  | "evidence";
export type RolloutColumn =
  | "feature_name"
  | "rollout"
  | "version"
  | "rollout_revision"
  | "updated_at"
  | "updated_by";

export function overrideOf(row: TextRow<OverrideColumn>): StoredOverride {
  return Object.freeze({
    flags: parsedJson(row.flags),
    version: wholeNumber(row.version),
    revision: wholeNumber(row.revision),
    updatedAt: wholeNumber(row.updated_at),
    updatedBy: row.updated_by ?? undefined,
  });
}

export function changeEventOf(row: TextRow<ChangeColumn>): FlagChangeEvent {
  return Object.freeze({
    revision: wholeNumber(row.revision),
    position: wholeNumber(row.position),
    changeId: row.change_id ?? "",
    customerId: row.customer_id ?? undefined,
    organizationId: row.organization_id ?? undefined,
    path: row.flag_path ?? "",
    oldValue: flagValue(row.old_value),
    newValue: flagValue(row.new_value),
    oldOverride: flagValue(row.old_override),
    newOverride: flagValue(row.new_override),
    changedBy: row.changed_by ?? undefined,
    onBehalfOf: row.on_behalf_of ?? undefined,
    changedAt: wholeNumber(row.changed_at),
    reason: row.reason ?? undefined,
    featureName: row.feature_name ?? undefined,
    evidence: evidenceOf(row.evidence),
  });
}

export function rolloutOf(row: TextRow<RolloutColumn>): StoredRollout {
  return Object.freeze({
    featureName: row.feature_name ?? "",
    rollout: parsedJson(row.rollout),
    version: wholeNumber(row.version),
    revision: wholeNumber(row.rollout_revision),
    updatedAt: wholeNumber(row.updated_at),
    updatedBy: row.updated_by ?? undefined,
  });
}

/** Undefined for a row that no count can be taken from. */
export function rolloutCountOf(
  row: TextRow<"minute" | "tier" | "event" | "count">,
): RolloutCount | undefined {
  const { event } = row;
  if (event !== "enabled" && event !== "disabled" && event !== "error") return undefined;
  const [minute, tier, count] = [wholeNumber(row.minute), wholeNumber(row.tier), wholeNumber(row.count)];
  return Object.freeze({ minute, tier, event, count });
}

export function feedEventOf(row: TextRow<"revision" | "scope" | "id">): FeedEvent {
  const revision = wholeNumber(row.revision);
  const { scope, id } = row;
  if ((scope === "customer" || scope === "organization" || scope === "rollout") && id !== null) {
    return Object.freeze({ revision, scope, id });
  }
  // A row that does not say whom it is about may be about anybody.
  return Object.freeze({ revision, scope: "everything", id: undefined });
}

/** Undefined where the cell is empty or damaged: a directory entry without attributes is still an entry. */
export function attributesOf(text: string | null): Attributes | undefined {
  const value = parsedJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (Object.freeze(value) as Attributes)
    : undefined;
}

/** 0 for a cell that holds no whole number a program can count with. */
export function wholeNumber(text: string | null): number {
  if (text === null || text === "") return 0;
  const number = Math.round(Number(text));
  return Number.isSafeInteger(number) ? number : 0;
}

/** What the cell says; its raw text where that is not JSON, so that a reader can report what it found. */
function parsedJson(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return text;
    throw error;
  }
}

/** Undefined where the cell is empty or damaged: the change it belongs to is still a change. */
function evidenceOf(text: string | null): FlagObject | undefined {
  const value = parsedJson(text);
  return isFlagObject(value) ? value : undefined;
}

function flagValue(text: string | null): FlagValue | undefined {
  return text === null ? undefined : (parsedJson(text) as FlagValue);
}
