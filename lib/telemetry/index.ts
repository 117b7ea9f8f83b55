import type { FlagEvaluation } from "../feature-flags/core/types.ts";
import type { FlagManagerStats } from "../feature-flags/manager-options.ts";

interface Observation {
  observe(value: number): void;
}

interface ObservableLike {
  addCallback(callback: (observation: Observation) => void): void;
  removeCallback(callback: (observation: Observation) => void): void;
}

/** What is asked of a meter: one of `@opentelemetry/api` fits as it is. */
export interface MeterLike {
  createCounter(
    name: string,
    options: { description: string },
  ): {
    add(value: number, attributes: Record<string, string | boolean>): void;
  };
  createObservableCounter(name: string, options: { description: string }): ObservableLike;
  createObservableGauge(name: string, options: { description: string; unit: string }): ObservableLike;
}

/** Metrics of a manager: hand it `observe`, then `attach` it. */
export interface Telemetry {
  /** Counts an answer by its source. */
  readonly observe: (evaluation: FlagEvaluation<object>) => void;
  /** Reads a manager's statistics whenever metrics are collected. The returned function ends it. */
  attach(manager: { getStats(): FlagManagerStats }): () => void;
}

/**
 * Metrics through OpenTelemetry: `strata.evaluations` by source and staleness, cache hits and misses, stale answers,
 * storage errors, kept audit changes, and `strata.feed.lag`, the milliseconds since storage last confirmed that
 * nothing newer is committed. Counting costs each answer one call; without it none.
 *
 * @example
 * const telemetry = createTelemetry(metrics.getMeter("strata-flags")); // from @opentelemetry/api
 * const manager = new FeatureFlagManager({ observe: telemetry.observe });
 * telemetry.attach(manager);
 */
export function createTelemetry(meter: MeterLike, now: () => number = Date.now): Telemetry {
  const evaluations = meter.createCounter("strata.evaluations", { description: "Answers given, by source" });
  const counters: readonly [name: string, description: string, read: (stats: FlagManagerStats) => number][] =
    [
      ["strata.cache.hits", "Answers from the cache", (stats) => stats.cache.hits],
      ["strata.cache.misses", "Reads the cache could not answer", (stats) => stats.cache.misses],
      [
        "strata.stale_answers",
        "Answers given while storage could not be asked",
        (stats) => stats.cache.staleAnswers,
      ],
      ["strata.storage.errors", "Evaluations for which storage failed", (stats) => stats.storageErrors],
      ["strata.audit.kept", "Changes whose audit rows had to be kept aside", (stats) => stats.auditKept],
    ];
  return Object.freeze({
    observe: ({ source, stale }: FlagEvaluation<object>) => evaluations.add(1, { source, stale }),
    attach(manager: { getStats(): FlagManagerStats }) {
      const detach = counters.map(([name, description, read]) =>
        observed(meter.createObservableCounter(name, { description }), () => read(manager.getStats())),
      );
      const description = "Since storage last confirmed that nothing newer is committed";
      const lag = observed(
        meter.createObservableGauge("strata.feed.lag", { description, unit: "ms" }),
        () => {
          const { confirmedAt } = manager.getStats().feed;
          return confirmedAt === undefined ? undefined : Math.max(0, now() - confirmedAt);
        },
      );
      return () => {
        for (const end of [...detach, lag]) end();
      };
    },
  });
}

function observed(instrument: ObservableLike, read: () => number | undefined): () => void {
  const callback = (observation: Observation): void => {
    const value = read();
    if (value !== undefined) observation.observe(value);
  };
  instrument.addCallback(callback);
  return () => instrument.removeCallback(callback);
}
