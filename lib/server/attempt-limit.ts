export interface AttemptLimitOptions {
  /** Failures that may come at once. */
  readonly burst: number;
  /** Failures allowed per minute in the long run. */
  readonly perMinute: number;
  /** Sources remembered; the one that failed longest ago is forgotten first. */
  readonly maxSources: number;
  /** Milliseconds. */
  now(): number;
}

/** Counts attempts by source as a bucket of tokens that refills with time. */
export interface AttemptLimit {
  /** Takes a token of every source; 0 on success, else the seconds to wait, and nothing is taken. */
  take(sources: readonly string[]): number;
  /** The attempt was no failure: its tokens come back. */
  giveBack(sources: readonly string[]): void;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * A token is taken before an attempt is judged and given back on success: otherwise a thousand guesses sent at once
 * would all be judged before the first was counted.
 */
export function createAttemptLimit(options: AttemptLimitOptions): AttemptLimit {
  const { burst, perMinute, maxSources, now } = options;
  const buckets = new Map<string, Bucket>();

  function refilled(source: string, at: number): Bucket {
    const bucket = buckets.get(source);
    if (bucket === undefined) return { tokens: burst, at };
    const gained = (Math.max(0, at - bucket.at) / 60_000) * perMinute;
    return { tokens: Math.min(burst, bucket.tokens + gained), at };
  }

  function keep(source: string, bucket: Bucket): void {
    buckets.delete(source);
    if (bucket.tokens >= burst) return;
    buckets.set(source, bucket);
    for (const oldest of buckets.keys()) {
      if (buckets.size <= maxSources) break;
      buckets.delete(oldest);
    }
  }

  return Object.freeze({
    take(sources: readonly string[]): number {
      const at = now();
      const found = sources.map((source) => ({ source, bucket: refilled(source, at) }));
      const lowest = Math.min(...found.map(({ bucket }) => bucket.tokens));
      if (lowest < 1) return Math.max(1, Math.ceil(((1 - lowest) / perMinute) * 60));
      for (const { source, bucket } of found) keep(source, { tokens: bucket.tokens - 1, at });
      return 0;
    },

    giveBack(sources: readonly string[]): void {
      const at = now();
      for (const source of sources) {
        const bucket = refilled(source, at);
        keep(source, { tokens: Math.min(burst, bucket.tokens + 1), at });
      }
    },
  });
}
