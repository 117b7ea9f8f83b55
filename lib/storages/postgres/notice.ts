import { type RawBuilder, sql } from "kysely";
import type { FeedNotice } from "../../feature-flags/core/storage.ts";
import type { EventSubject } from "../sql/engine.ts";

/**
 * What a commit's notice says, as SQL over the columns `revision` and `epoch`: identifiers and the place in the
 * sequence, no values. Far below the 8,000 bytes that PostgreSQL allows.
 */
export function noticeText(about: EventSubject | undefined): RawBuilder<string> {
  const scope = about?.scope ?? null;
  const id = about?.id ?? null;
  return sql<string>`cast(json_build_array(revision, epoch, cast(${scope} as text), cast(${id} as text)) as text)`;
}

/** Undefined for a notice that does not say what was committed, or is not one of ours: then it has to be asked. */
export function parseNotice(payload: string | undefined): FeedNotice | undefined {
  const [revision, epoch, scope, id] = parsedArray(payload ?? "");
  if (typeof revision !== "number" || !Number.isSafeInteger(revision) || typeof epoch !== "string") return;
  if (typeof id !== "string") return;
  if (scope !== "customer" && scope !== "organization" && scope !== "rollout") return;
  return Object.freeze({ revision, epoch, scope, id });
}

function parsedArray(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
