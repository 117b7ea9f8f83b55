import { defineFlags } from "../lib/feature-flags/index.ts";

/** What was seen, and when: see {@link nanoseconds}. */
export type Seen = [value: number, nanoseconds: number];

export const PROBE = "cust_probe";
export const BARE_CHANNEL = "bench_bare";
export const watchedFlags = defineFlags({ defaults: { limits: { seats: 0 } } });

/** The machine's monotonic clock: the same in all its processes. */
export function nanoseconds(): number {
  return Number(process.hrtime.bigint());
}

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return { p50: at(0.5) ?? Number.NaN, p99: at(0.99) ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}
