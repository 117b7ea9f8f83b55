import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { TenantRef } from "../../lib/feature-flags/core/storage.ts";
import type { FeatureFlagManager, TenantContext } from "../../lib/feature-flags/index.ts";
import type { SeededRandom } from "../faults/seeded-random.ts";
import type { FleetFlags } from "./fleet-flags.ts";
import type { WatchReport } from "./orders.ts";

/** Asks a manager for tenants one after the other, and notes every step backwards. */
export interface TenantWatch {
  /** Milliseconds between two questions; 0: as many as there is time for. */
  start(every: number): void;
  /** From now on no answer for this tenant's own override may be older. */
  wrote(tenant: TenantRef, version: number): void;
  stop(): Promise<WatchReport>;
}

interface Seen {
  /** Of the override that answered last. */
  version: number;
  /** Of the last write made here. */
  written: number;
  revision: number;
}

export function watchTenants(
  manager: FeatureFlagManager<FleetFlags>,
  tenants: readonly TenantRef[],
  random: SeededRandom,
): TenantWatch {
  const seen = new Map<string, Seen>();
  let report = emptyReport();
  let watching: Promise<void> = Promise.resolve();
  let stopped = true;

  function seenOf(tenant: TenantRef): Seen {
    const known = seen.get(nameOf(tenant)) ?? { version: 0, written: 0, revision: -1 };
    seen.set(nameOf(tenant), known);
    return known;
  }

  async function look(): Promise<void> {
    const tenant = random.pick(tenants);
    const known = seenOf(tenant);
    const { written } = known;
    const start = performance.now();
    const { stale, error, source, revision, version = 0 } = await manager.getFlags(contextOf(tenant));
    report.latencies.push(performance.now() - start);
    report.asked += 1;
    if (stale) report.stale += 1;
    else if (error !== undefined) report.unknown += 1;
    if (error !== undefined) return;
    // A version belongs to the override that answered: a customer's own, or its organization's.
    const own = source === `${tenant.kind}_override`;
    if (own && version < Math.max(known.version, written)) {
      report.backwards.push(`${nameOf(tenant)}: version ${version} after ${known.version}, wrote ${written}`);
    }
    if (revision < known.revision) {
      report.backwards.push(`${nameOf(tenant)}: revision ${revision} after ${known.revision}`);
    }
    known.revision = Math.max(revision, known.revision);
    if (own) known.version = Math.max(version, known.version);
  }

  return Object.freeze({
    start(every) {
      stopped = false;
      watching = (async () => {
        while (!stopped) {
          await look();
          await (every === 0 ? nextTurn() : delay(every));
        }
      })();
    },
    wrote(tenant, version) {
      const known = seenOf(tenant);
      known.written = Math.max(known.written, version);
    },
    async stop() {
      stopped = true;
      await watching;
      const finished = report;
      report = emptyReport();
      return finished;
    },
  } satisfies TenantWatch);
}

export function nameOf({ kind, id }: TenantRef): string {
  return `${kind}:${id}`;
}

export function contextOf({ kind, id }: TenantRef): TenantContext {
  return kind === "customer" ? { customerId: id } : { organizationId: id };
}

function emptyReport() {
  const latencies: number[] = [];
  const backwards: string[] = [];
  return { asked: 0, stale: 0, unknown: 0, latencies, backwards };
}
