import type { TenantRef } from "../../lib/feature-flags/core/storage.ts";
import type { FlagValue } from "../../lib/feature-flags/index.ts";

/** A write as the process that made it was told of its success. */
export interface AcknowledgedWrite {
  readonly tenant: TenantRef;
  readonly version: number;
  readonly revision: number;
  readonly changeId: string;
  /** Without a value: the leaf inherits again. */
  readonly changes: readonly { readonly path: string; readonly newOverride?: FlagValue }[];
}

const PREFIX = "acknowledged ";

export function acknowledgement(write: AcknowledgedWrite): string {
  return `${PREFIX}${JSON.stringify(write)}\n`;
}

/** The writes among the lines that a writing process has said. */
export function acknowledgedIn(lines: readonly string[]): AcknowledgedWrite[] {
  return lines
    .filter((line) => line.startsWith(PREFIX))
    .map((line): AcknowledgedWrite => JSON.parse(line.slice(PREFIX.length)));
}
