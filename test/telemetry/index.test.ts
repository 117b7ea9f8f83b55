import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { expect, test } from "vitest";
import { FeatureFlagManager } from "../../lib/feature-flags/index.ts";
import { memoryStorage } from "../../lib/storages/memory/index.ts";
import { createTelemetry } from "../../lib/telemetry/index.ts";
import { manualClock } from "../../lib/testing/index.ts";

test("tells a real OpenTelemetry meter what a manager answers, from where, and how far the feed is behind", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const clock = manualClock();
  const telemetry = createTelemetry(provider.getMeter("strata-flags"), clock.now);
  const storage = memoryStorage({ clock });
  const { observe } = telemetry;
  const manager = new FeatureFlagManager({ storage, clock, observe, environment: "production" });
  const detach = telemetry.attach(manager);

  await manager.setCustomerFlags("cust_1", { experimental: { voiceInput: true } });
  await manager.getFlags({ customerId: "cust_1" });
  manager.peek({ customerId: "cust_1" });
  await manager.getFlags({ customerId: "cust_2" });
  await manager.catchUp();
  await clock.advance(700);
  await provider.forceFlush();

  const points = pointsOf(exporter);
  expect(points).toContainEqual(["strata.evaluations", "customer_override", 2]);
  expect(points).toContainEqual(["strata.evaluations", "environment", 1]);
  expect(points).toContainEqual(["strata.cache.hits", undefined, 1]);
  expect(points).toContainEqual(["strata.cache.misses", undefined, 2]);
  expect(points).toContainEqual(["strata.stale_answers", undefined, 0]);
  expect(points).toContainEqual(["strata.storage.errors", undefined, 0]);
  expect(points).toContainEqual(["strata.feed.lag", undefined, 700]);

  detach();
  exporter.reset();
  manager.peek({ customerId: "cust_1" });
  await provider.forceFlush();
  expect(pointsOf(exporter)).not.toContainEqual(["strata.cache.hits", undefined, 2]);

  await manager.close();
  await provider.shutdown();
});

function pointsOf(exporter: InMemoryMetricExporter): unknown[] {
  return exporter
    .getMetrics()
    .flatMap((resource) => resource.scopeMetrics)
    .flatMap((scope) => scope.metrics)
    .flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [descriptor.name, attributes.source, value]),
    );
}
