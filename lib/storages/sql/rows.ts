import type { Attributes, FeedEvent, StoredOverride } from "../../feature-flags/core/storage.ts";
import type { FlagChangeEvent, FlagValue } from "../../feature-flags/core/types.ts";

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
  | "reason";

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
  });
}

export function feedEventOf(row: TextRow<"revision" | "scope" | "id">): FeedEvent {
  const revision = wholeNumber(row.revision);
  if ((row.scope === "customer" || row.scope === "organization") && row.id !== null) {
    return Object.freeze({ revision, scope: row.scope, id: row.id });
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

function flagValue(text: string | null): FlagValue | undefined {
  return text === null ? undefined : (parsedJson(text) as FlagValue);
}
