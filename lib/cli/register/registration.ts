import type { CustomerRecord } from "../../feature-flags/core/storage.ts";
import type { TenantLine } from "./tenant-line.ts";

const BATCH = 1_000;

export interface RegistrationParts {
  readonly lines: AsyncIterable<TenantLine>;
  /** Resolves once the records are stored for good. */
  store(records: readonly CustomerRecord[]): Promise<void>;
  readonly skipBad: boolean;
  /** Told of every bad line. */
  onFlaw(line: number, flaw: string): void;
  /** Told after each batch how many are stored so far. */
  onStored(stored: number): void;
}

export interface Registration {
  readonly stored: number;
  readonly bad: number;
  /** The line at which it stopped, having stored everything before it. */
  readonly stoppedAt: number | undefined;
}

/** Stores the tenants batch by batch. What stands before a bad line that stops it is stored too. */
export async function registerLines(parts: RegistrationParts): Promise<Registration> {
  let batch: CustomerRecord[] = [];
  let stored = 0;
  let bad = 0;
  let stoppedAt: number | undefined;

  async function storeBatch(): Promise<void> {
    if (batch.length === 0) return;
    await parts.store(batch);
    stored += batch.length;
    batch = [];
    parts.onStored(stored);
  }

  for await (const { line, record, flaw, last } of parts.lines) {
    if (record !== undefined) {
      batch.push(record);
      if (batch.length >= BATCH) await storeBatch();
      continue;
    }
    bad += 1;
    parts.onFlaw(line, flaw ?? "This line cannot be read.");
    if (parts.skipBad && last !== true) continue;
    stoppedAt = line;
    break;
  }
  await storeBatch();
  return { stored, bad, stoppedAt };
}
