import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { TenantSnapshot } from "../../lib/feature-flags/core/snapshot.ts";
import type { StoredRollout, TenantOverride } from "../../lib/feature-flags/core/storage.ts";
import { createSeal } from "../../lib/snapshot/seal.ts";

/** A directory that lives as long as the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "strata-snapshot-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * A snapshot of which every part follows from the epoch, the revision and the size: a mixture of two of them
 * equals none.
 */
export function sampleSnapshot(revision: number, { epoch = "epoch", customers = 20 } = {}): TenantSnapshot {
  const override = (kind: "customer" | "organization", index: number): TenantOverride => ({
    tenant: { kind, id: `${kind} ${index} "ünï\u2028" 🎛` },
    flags: {
      written: `${epoch} ${revision}`,
      on: (index + revision) % 3 === 0,
      limits: { seats: index * 1.5, regions: ["eu", null] },
    },
    version: 1 + index,
    revision: Math.min(index, revision),
    updatedAt: 1_730_000_000_000 + index,
    updatedBy: index % 4 === 0 ? undefined : "ada@example.com",
  });
  const indexes = Array.from({ length: customers }, (_, index) => index);
  return {
    epoch,
    revision,
    takenAt: 1_750_000_000_000 + revision,
    overrides: [
      ...indexes.map((index) => override("customer", index)),
      ...indexes.slice(0, customers / 4).map((index) => override("organization", index)),
    ],
    memberships: indexes
      .slice(0, customers / 2)
      .map((index) => [`customer ${index}`, `organization ${revision % 7}`] as const),
    rollouts: indexes.slice(0, customers / 4).map(
      (index): StoredRollout => ({
        ...{ featureName: `feature ${index}`, rollout: { salt: `${epoch} ${revision}`, tier: index } },
        ...{ version: 1 + index, revision: Math.min(index, revision), updatedAt: 1_730_000_000_000 + index },
        updatedBy: index % 4 === 0 ? undefined : "ada@example.com",
      }),
    ),
  };
}

export const EMPTY: TenantSnapshot = {
  ...{ epoch: "e", revision: 0, takenAt: 0 },
  ...{ overrides: [], memberships: [], rollouts: [] },
};

/** Writes the lines as a file of snapshots, with a seal that is right whatever they say. */
export async function writeSealed(path: string, lines: readonly string[], secret?: string): Promise<void> {
  const body = lines.map((line) => `${line}\n`).join("");
  const seal = createSeal(secret);
  seal.update(Buffer.from(body));
  await writeFile(path, `${body}${seal.line()}\n`, { mode: 0o600 });
}

/** All lines of the file but the seal. */
export async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, "utf8")).split("\n").slice(0, -2);
}
