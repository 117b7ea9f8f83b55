import { isPlainObject } from "../../feature-flags/core/paths.ts";
import type { Attributes, RolloutEventKind } from "../../feature-flags/core/storage.ts";
import { contextError } from "../../feature-flags/core/tenant-id.ts";

/** Something that happened to a customer of a rollout. */
export interface RolloutEventInput {
  readonly featureName: string;
  readonly customerId: string;
  /** "enabled": was served it; "disabled": was not; "error": what was rolled out failed. */
  readonly event: RolloutEventKind;
  /** Milliseconds since the Unix epoch. Default: now. The same event at the same time counts once. */
  readonly timestamp?: number | undefined;
  /** The customer's organization, where the tenant directory does not know it. */
  readonly organizationId?: string | undefined;
  /** At most 20 values; texts of at most 1,000 characters. */
  readonly metadata?: Attributes | undefined;
}

/** An event that may count, if its rollout serves the customer. */
export interface CheckedEvent {
  readonly featureName: string;
  readonly customerId: string;
  readonly organizationId: string | undefined;
  readonly event: RolloutEventKind;
  readonly timestamp: number;
  readonly metadata: Attributes | undefined;
}

/** Why an event does not count: "early" is more than a minute ahead of time, "late" more than a day old. */
export type EventFlaw = "invalid" | "early" | "late";

const AHEAD = 60_000;
/** Far less than events are kept for: the same event twice must find the first one. */
const BEHIND = 86_400_000;
const MAX_VALUES = 20;
const MAX_TEXT = 1_000;

/** A copy of the event, checked; or what is wrong with it. Takes input of any shape. */
export function checkedEvent(input: unknown, now: number): CheckedEvent | EventFlaw {
  if (typeof input !== "object" || input === null) return "invalid";
  const { featureName, customerId, organizationId, event, timestamp = now, metadata }: Asked = input;
  if (!isId(featureName) || !isId(customerId)) return "invalid";
  if (organizationId !== undefined && !isId(organizationId)) return "invalid";
  if (event !== "enabled" && event !== "disabled" && event !== "error") return "invalid";
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp)) return "invalid";
  const attributes = metadata === undefined ? undefined : attributesOf(metadata);
  if (attributes === null) return "invalid";
  const at = Math.floor(timestamp);
  if (at > now + AHEAD) return "early";
  if (at < now - BEHIND) return "late";
  return { featureName, customerId, organizationId, event, timestamp: at, metadata: attributes };
}

type Asked = { readonly [K in keyof RolloutEventInput]?: unknown };

function isId(id: unknown): id is string {
  return typeof id === "string" && contextError({ customerId: id }) === undefined;
}

/** A frozen copy; null where no storage could keep it. */
function attributesOf(metadata: unknown): Attributes | null {
  if (!isPlainObject(metadata)) return null;
  const entries = Object.entries(metadata);
  if (entries.length > MAX_VALUES) return null;
  const kept: [string, Attributes[string]][] = [];
  for (const [key, value] of entries) {
    if (!isText(key)) return null;
    if (value === null || typeof value === "boolean") kept.push([key, value]);
    else if (typeof value === "number" && Number.isFinite(value)) kept.push([key, value]);
    else if (typeof value === "string" && isText(value)) kept.push([key, value]);
    else return null;
  }
  return Object.freeze(Object.fromEntries(kept));
}

function isText(text: string): boolean {
  return text.length <= MAX_TEXT && text.isWellFormed() && !text.includes("\u0000");
}
